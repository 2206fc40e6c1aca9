"""``tocsin reach``: what is reached in time or at all, who is cut off, and whose ring shrank."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.asking import Asked, City, Close, LonLat, Who, opened, place_of, typed_places
from console.cli_city import AsJson, give
from picture.errors import RoadError, UsageError

if TYPE_CHECKING:
    from twin.reach import Reach, RingLoss
    from twin.snap import Snap

RING_KINDS = ("hospital", "shelter", "fire_station")
_LONGEST_MIN = 360.0


def reach(
    city: City,
    start: Annotated[
        str, typer.Option("--from", help="The place, LON,LAT; several parted by semicolons, or a file of them.")
    ] = "",
    minutes: Annotated[list[float] | None, typer.Option(help="How far; 10 by default (may be repeated).")] = None,
    profile: Who = "car",
    close: Close = None,
    towards: Annotated[bool, typer.Option("--towards", help="From where the place is reached, instead.")] = False,
    unbounded: Annotated[bool, typer.Option("--unbounded", help="Whatever is reached at all, however late.")] = False,
    cut_off: Annotated[
        bool, typer.Option("--cut-off", help="Who is cut off: the sites and districts, or the places of --from.")
    ] = False,
    lost_rings: Annotated[
        bool, typer.Option("--lost-rings", help="Which sites are no longer reached from where they were in time.")
    ] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(help=f"With --lost-rings: kinds of sites ({', '.join(RING_KINDS)} by default; may be repeated)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is reached in so many minutes; or who is cut off; or which sites lost their ring."""
    if cut_off + lost_rings + unbounded > 1:
        raise UsageError("Ask for one at a time: --unbounded, --cut-off or --lost-rings.")
    if kind and not lost_rings:
        raise UsageError("--kind goes with --lost-rings.")
    bands_s = sorted({60.0 * one for one in minutes or [10.0]})
    if not 0.0 < bands_s[0] <= bands_s[-1] <= 60.0 * _LONGEST_MIN:
        raise UsageError(f"--minutes: give more than 0 and at most {_LONGEST_MIN:g}.")
    if minutes and (unbounded or cut_off):
        raise UsageError("--minutes says how far; it does not go with --unbounded or --cut-off.")
    named = typed_places(start, "--from") if start else []
    if not (named or cut_off or lost_rings):
        raise UsageError("--from: name the place, for example --from=-30.01,45.99.")
    with opened(city, profile, close) as asked:
        if cut_off:
            _cut_off(asked, named, as_json)
        elif lost_rings:
            _lost_rings(asked, named, tuple(kind or RING_KINDS), bands_s, towards, as_json)
        else:
            _isochrones(asked, named, [None] if unbounded else [*bands_s], towards, as_json)


# --- isochrones -------------------------------------------------------------------------------------------


def _isochrones(
    asked: Asked, places: list[tuple[str, LonLat]], bands_s: list[float | None], towards: bool, as_json: bool
) -> None:
    """One outline for each band; ``None`` is no limit."""
    from twin.reach import ReachGraph, reach_through

    snaps = asked.snapped([at for _, at in places])
    features = []
    for seconds in bands_s:
        if seconds is None:
            found = reach_through(asked.service, asked.who, snaps, towards=towards)
        else:
            graph = ReachGraph(asked.service.network, asked.service.state, asked.who)
            found = graph.reach(snaps, seconds, towards=towards)
        features.append(_feature(found, seconds))
    if as_json:
        give(
            {
                "type": "FeatureCollection",
                "schema": "tocsin.reach/1",
                **asked.facts(),
                "towards": towards,
                "from": [place_of(asked.pack, at, snap) for (_, at), snap in zip(places, snaps, strict=True)],
                "features": features,
            }
        )
        return
    for one in features:
        facts: Any = one["properties"]
        far = (
            f"At all (the last after {facts['last_s'] / 60:.1f} min)"
            if facts["seconds"] is None
            else f"{facts['seconds'] / 60:g} min"
        )
        typer.echo(
            f"{far}: {facts['area_m2'] / 1e6:.2f} km², "
            f"{facts['metres'] / 1000:.1f} km of road, {facts['crossings']} crossings"
        )


def _feature(found: Reach, seconds: float | None) -> dict[str, Any]:
    """The outline of one band as GeoJSON; without a limit it is drawn at the last second there is."""
    from twin.reach import outline

    last_s = float(found.node_s[found.nodes].max(initial=0.0))
    last_s = max(last_s, float(found.span_s.max(initial=0.0)))
    (band,) = outline(found, [last_s if seconds is None else seconds])
    return {
        "type": "Feature",
        "geometry": band.as_geojson(),
        "properties": {
            "seconds": seconds,
            "last_s": round(last_s, 1),
            "area_m2": round(band.area_m2),
            "crossings": len(found.nodes),
            "roads": len(found.edges),
            "metres": round(found.length_m),
        },
    }


# --- who is cut off ---------------------------------------------------------------------------------------


def _cut_off(asked: Asked, named: list[tuple[str, LonLat]], as_json: bool) -> None:
    """Names the places that the closures part from the rest, and those that were parted before."""
    from twin.reach import cut_off
    from twin.road_state import RoadState

    places = {f"#{k}": _named(name, at) for k, (name, at) in enumerate(named)} or dict(sites(asked))
    if not places:
        raise RoadError("It lists neither sites nor districts.", code="TOC-5310")
    snaps = dict(zip(places, asked.snapped([(one["lon"], one["lat"]) for one in places.values()]), strict=True))
    network = asked.service.network
    now = cut_off(network, asked.service.state, snaps, asked.who)
    always = set(cut_off(network, RoadState.free(network), snaps, asked.who))
    lost = [places[key] | {"street": snaps[key].name} for key in now if key not in always]
    if as_json:
        give(
            {
                "schema": "tocsin.cut_off/1",
                **asked.facts(),
                "asked": len(places),
                "cut_off": lost,
                "cut_off_without_closures": [places[key] for key in sorted(always)],
            }
        )
        return
    typer.echo(f"{len(lost)} of {len(places)} places are cut off by the closures.")
    for one in lost:
        people = f", {one['people']} people" if one.get("people") else ""
        typer.echo(f"  {one['kind']:16} {one['name']}{people}")
    if always:
        typer.echo(f"{len(always)} are not joined to the rest even with every road open.")


def _named(name: str, at: LonLat) -> dict[str, Any]:
    return {"id": "", "kind": "place", "name": name, "lon": at[0], "lat": at[1]}


def sites(asked: Asked, kinds: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, facts) of the pack's sites of these kinds; without kinds of all sites, and of the districts."""
    for number, one in enumerate(asked.pack.meta.get("facilities", ())):
        if not kinds or one["kind"] in kinds:
            facts = {key: one[key] for key in ("id", "kind", "name", "lon", "lat")}
            yield f"f{number}", facts | ({"people": people_of(one)} if people_of(one) is not None else {})
    if not kinds:
        for number, one in enumerate(asked.pack.meta.get("districts", ())):
            facts = {"id": "", "kind": "district", "name": one["name"], "lon": one["lon"], "lat": one["lat"]}
            yield f"d{number}", facts


def people_of(site: dict[str, Any]) -> int | None:
    """How many people are at a site, by day or by night, whichever is more; None where the pack does not know."""
    counts = site.get("people")
    if isinstance(counts, int):
        return counts
    return max((int(count) for count in counts.values()), default=0) if isinstance(counts, dict) else None


# --- lost rings -------------------------------------------------------------------------------------------


def _lost_rings(
    asked: Asked,
    named: list[tuple[str, LonLat]],
    kinds: tuple[str, ...],
    bands_s: list[float],
    towards: bool,
    as_json: bool,
) -> None:
    """The rings that the closures made smaller, most metres lost first."""
    from twin.reach import lost_rings
    from twin.road_state import RoadState

    if len(bands_s) > 1:
        raise UsageError("--lost-rings: give --minutes once.")
    places = {f"#{k}": _named(name, at) for k, (name, at) in enumerate(named)} or dict(sites(asked, kinds))
    if not places:
        raise RoadError(f"It lists no site of the kind {', '.join(kinds)}.", code="TOC-5310")
    snaps = dict(zip(places, asked.snapped([(one["lon"], one["lat"]) for one in places.values()]), strict=True))
    network = asked.service.network
    losses = lost_rings(
        network,
        RoadState.free(network),
        asked.service.state,
        snaps,
        asked.who,
        limit_s=bands_s[0],
        towards=towards,
        people=_people(asked),
    )
    lost = [loss for loss in losses if loss.lost_edges]
    if as_json:
        give(
            {
                "schema": "tocsin.lost_rings/1",
                **asked.facts(),
                "seconds": bands_s[0],
                "towards": towards,
                "asked": len(places),
                "lost": [_loss(loss, places[loss.place]) for loss in lost],
            }
        )
        return
    typer.echo(f"{len(lost)} of {len(places)} rings are smaller than on open roads.")
    for loss in lost:
        typer.echo(f"  {loss.in_words(places[loss.place]['name'])}")


def _loss(loss: RingLoss, site: dict[str, Any]) -> dict[str, Any]:
    return {
        **site,
        "metres_before": round(loss.metres_before),
        "metres_now": round(loss.metres_now),
        "share_lost": round(loss.share_lost, 4),
        "roads_lost": len(loss.lost_edges),
        "people_before": loss.people_before,
        "people_lost": loss.people_lost,
    }


def _people(asked: Asked) -> dict[str, tuple[Snap, int]] | None:
    """Where how many people are, as far as the pack knows; None where it knows of nobody."""
    known = {key: one for key, one in sites(asked) if one.get("people")}
    if not known:
        return None
    snaps = asked.snapped([(one["lon"], one["lat"]) for one in known.values()])
    return {key: (snap, one["people"]) for (key, one), snap in zip(known.items(), snaps, strict=True)}
