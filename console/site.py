"""What a world starts from: the city's agencies, places, units and sensors, and the feeds, as its first entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from console.roster import OwnRoster
from feeds.config import FeedConfig, waiting
from feeds.registry import Registry
from picture import events as ev
from picture.places import to_e7
from twin.pack import CityPack

QUANTITIES = {"wind": "wind_speed", "air_ammonia": "gas_concentration", "air_chlorine": "gas_concentration"}
"""What a gauge of this kind measures, in the words of ``picture.reports.Observation``."""


def roster(
    pack: CityPack, feeds: Sequence[FeedConfig], registry: Registry, own: OwnRoster | None = None
) -> Iterator[ev.Event]:
    """Every agency, facility, unit, sensor and feed of a site, as events in a fixed order.

    ``own`` is what the site itself lists; its units stand for the pack's where the pack has none.
    """
    own = own or OwnRoster()
    meta: dict[str, Any] = pack.meta
    for agency in meta["agencies"]:
        yield ev.AgencyRegistered(id=agency["id"], name=agency["name"], agency_kind=agency["kind"])
    yield from own.agencies()
    yield from _facilities(meta)
    yield from own.facilities()
    for unit in meta["units"]:
        yield _unit(unit, meta)
    if not meta["units"]:
        yield from own.units()
    for gauge in meta["gauges"]:
        yield ev.SensorRegistered(
            id=gauge["id"],
            quantity=QUANTITIES.get(gauge["kind"], gauge["kind"]),
            name=gauge["name"],
            lon_e7=to_e7(gauge["lon"]),
            lat_e7=to_e7(gauge["lat"]),
        )
    yield from registered(feeds, registry)


def registered(feeds: Sequence[FeedConfig], registry: Registry) -> Iterator[ev.FeedRegistered]:
    """Each feed as an event; ``UsageError`` where its wire is not known."""
    for feed in feeds:
        lane = waiting(feed, registry.wire(feed.wire).manifest.lane).lane
        yield ev.FeedRegistered(
            id=feed.id, wire=feed.wire, silent_after_s=feed.silent_after_s, grade=feed.grade, lane=lane
        )


def _facilities(meta: dict[str, Any]) -> Iterator[ev.FacilityRegistered]:
    feeders = {site: feeder for feeder in meta["feeders"] for site in feeder["serves"]}
    for site in meta["facilities"]:
        people = site.get("people") or {}
        attributes = [(f"people_{when}", count) for when, count in people.items()]
        if site.get("capacity"):
            attributes.append(("capacity", site["capacity"]))
        yield _facility(site, site["kind"], attributes + _fed_by(feeders.get(site["id"])))
    for substation in meta["substations"]:
        customers = sum(feeder["customers"] for feeder in meta["feeders"] if feeder["substation"] == substation["id"])
        yield _facility(
            substation,
            "substation",
            [("trip_level_m", substation["trip_level_m"]), ("customers", customers), ("state", "in service")],
        )
    for pump in meta["pumps"]:
        yield _facility(
            pump,
            "pump",
            [
                ("trip_level_m", pump["trip_level_m"]),
                ("battery_h", pump["battery_h"]),
                ("state", "running"),
                *_fed_by(feeders.get(pump["id"])),
            ],
        )
    for outfall in meta["outfalls"]:
        yield _facility(
            {"name": f"Outfall {outfall['id']}", **outfall},
            "outfall",
            [("invert_m", outfall["invert_m"]), ("tide_lock_m", outfall["tide_lock_m"])],
        )
    for berth in meta["berths"]:
        goods = ", ".join(f"UN {number}" for number in berth["dangerous_goods"])
        yield _facility(
            {**berth, "name": f"{berth['terminal']}, {berth['name']}"},
            "berth",
            [
                ("crane_wind_limit_mps", berth["crane_wind_limit_mps"]),
                ("depth_m", berth["depth_m"]),
                ("length_m", berth["length_m"]),
                *([("dangerous_goods", goods)] if goods else []),
                *_fed_by(feeders.get(berth["id"])),
            ],
        )
    for anchorage in meta["anchorages"]:
        yield _facility(anchorage, "anchorage", [("radius_m", anchorage["radius_m"])])
    barrier = meta.get("barrier")
    known = {site["id"] for site in meta["facilities"]}
    if barrier and barrier["id"] not in known:
        yield _facility(barrier, "barrier", [("close_s", barrier["close_s"]), ("state", "open")])


def _fed_by(feeder: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """Where a site's power comes from: its feeder and that feeder's substation."""
    return [("feeder", feeder["id"]), ("substation", feeder["substation"])] if feeder else []


def _facility(site: dict[str, Any], kind: str, attributes: list[tuple[str, Any]]) -> ev.FacilityRegistered:
    elevation = site.get("elevation_m")
    return ev.FacilityRegistered(
        id=site["id"],
        facility_kind=kind,
        name=site["name"],
        lon_e7=to_e7(site["lon"]),
        lat_e7=to_e7(site["lat"]),
        agency=site.get("agency", ""),
        address=site.get("address", ""),
        district=site.get("district", ""),
        elevation_mm=None if elevation is None else round(elevation * 1000),
        attributes=tuple(attributes),
    )


def _unit(unit: dict[str, Any], meta: dict[str, Any]) -> ev.UnitRegistered:
    home = next(site for site in meta["facilities"] if site["id"] == unit["station"])
    return ev.UnitRegistered(
        id=unit["id"],
        name=unit["name"],
        agency=unit["agency"],
        nims_kind=unit["nims_kind"],
        nims_type=unit["nims_type"],
        station=unit["station"],
        home_lon_e7=to_e7(home["lon"]),
        home_lat_e7=to_e7(home["lat"]),
        profile=unit["profile"],
        wading_mm=round(unit["wading_m"] * 1000),
        crew=unit["crew"],
        skills=tuple(unit["skills"]),
    )
