"""The road commands: ways, reach and travel times over a city's roads, without those that are given as closed.

Nothing here follows a journal: the roads are the pack's, without what ``--close`` names, and answers have epoch 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli_city import AsJson, city_import, city_info, give, order_of, pack_path
from picture.errors import InputError, RoadError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.pack import CityPack
    from twin.profiles import Profile
    from twin.route import Route
    from twin.routing import RoutingService
    from twin.snap import Snap

LonLat = tuple[float, float]
MOST_PLACES = 2_000
_WAIT_S = 60.0

City = Annotated[str, typer.Option("--city", help="A city pack, or the name of a shipped or imported city.")]
Who = Annotated[str, typer.Option("--profile", help="Who drives: car, engine, ambulance, high_wheel, bus, foot, boat.")]
Close = Annotated[
    list[str] | None,
    typer.Option("--close", help="Closes every road it touches: WKT, or a GeoJSON or WKT file (may be repeated)."),
]


def register(app: typer.Typer, city: typer.Typer) -> None:
    """Adds the road commands to the command line."""
    city.command("import")(city_import)
    city.command("info")(city_info)
    app.command("route")(route)
    app.command("reach")(reach)
    app.command("matrix")(matrix)


# --- questions --------------------------------------------------------------------------------------------


def route(
    city: City,
    start: Annotated[str, typer.Option("--from", help="Where it starts: LON,LAT.")],
    end: Annotated[str, typer.Option("--to", help="Where it goes: LON,LAT.")],
    profile: Who = "car",
    close: Close = None,
    alternatives: Annotated[int, typer.Option(min=0, max=5, help="Up to so many other ways that differ.")] = 0,
    as_json: AsJson = False,
) -> None:
    """The quickest way over open roads, street by street. Exit 3 where there is none."""
    from twin.route import NoRoute

    a, b = _lonlat(start, "--from"), _lonlat(end, "--to")
    with _asked(city, profile, close) as asked:
        found = asked.service.route(asked.who, a, b)
        if isinstance(found, NoRoute):
            raise RoadError(f"{_REASONS.get(found.reason, found.reason)}", code="TOC-5002")
        others = asked.service.routes(asked.who, a, b, count=alternatives + 1)[1:] if alternatives else ()
        if as_json:
            give(
                {
                    "schema": "tocsin.route/1",
                    **asked.facts(),
                    "from": _place(asked.pack, a, found.start),
                    "to": _place(asked.pack, b, found.end),
                    **_way(found),
                    "leaves_closed_road": found.leaves_closed,
                    "engine": found.backend,
                    "alternatives": [_way(other) for other in others],
                }
            )
            return
        if found.leaves_closed:
            typer.echo("Starts on a closed road, and leaves it at walking pace.")
        for number, one in enumerate((found, *others)):
            typer.echo(f"{'Other way: ' if number else ''}{one.duration_s / 60:.1f} min, {one.length_m / 1000:.2f} km")
            for street, metres, turn in one.streets:
                typer.echo(f"  {turn:13} {street or 'unnamed road':40} {metres:7.0f} m")


_REASONS = {
    "profile not on roads": "This vehicle has no roads here.",
    "target on a closed road": "The place itself lies on a closed road.",
    "no open road": "Closures or one-ways leave no way between the two places.",
}


def reach(
    city: City,
    start: Annotated[str, typer.Option("--from", help="The place, LON,LAT; several parted by semicolons.")],
    minutes: Annotated[list[float] | None, typer.Option(help="How far; 10 by default (may be repeated).")] = None,
    profile: Who = "car",
    close: Close = None,
    towards: Annotated[bool, typer.Option("--towards", help="From where the place is reached, instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is reached in so many minutes: crossings, roads, and the outline as GeoJSON."""
    from twin.reach import ReachGraph, outline

    places = _places(start, "--from")
    bands_s = sorted({60.0 * one for one in minutes or [10.0]})
    if not 0.0 < bands_s[0] <= bands_s[-1] <= 6 * 3600.0:
        raise UsageError("--minutes: give more than 0 and at most 360.")
    with _asked(city, profile, close) as asked:
        graph = ReachGraph(asked.service.network, asked.service.state, asked.who)
        snaps = asked.snapped([at for _, at in places])
        features = []
        for seconds in bands_s:
            found = graph.reach(snaps, seconds, towards=towards)
            (band,) = outline(found, [seconds])
            features.append(
                {
                    "type": "Feature",
                    "geometry": band.as_geojson(),
                    "properties": {
                        "seconds": seconds,
                        "area_m2": round(band.area_m2),
                        "crossings": len(found.nodes),
                        "roads": len(found.edges),
                        "metres": round(found.length_m),
                    },
                }
            )
        if as_json:
            give(
                {
                    "type": "FeatureCollection",
                    "schema": "tocsin.reach/1",
                    **asked.facts(),
                    "towards": towards,
                    "from": [_place(asked.pack, at, snap) for (_, at), snap in zip(places, snaps, strict=True)],
                    "features": features,
                }
            )
            return
        for one in features:
            facts: Any = one["properties"]
            typer.echo(
                f"{facts['seconds'] / 60:g} min: {facts['area_m2'] / 1e6:.2f} km², "
                f"{facts['metres'] / 1000:.1f} km of road, {facts['crossings']} crossings"
            )


def matrix(
    city: City,
    start: Annotated[str, typer.Option("--from", help="LON,LAT;LON,LAT… or a file of them (GeoJSON points or lines).")],
    end: Annotated[str, typer.Option("--to", help="As --from.")],
    profile: Who = "car",
    close: Close = None,
    metres: Annotated[bool, typer.Option("--metres", help="With metres and streets of every pair; slower.")] = False,
    as_json: AsJson = False,
) -> None:
    """Travel times from each place to each other place; null where there is no way."""
    starts, ends = _places(start, "--from"), _places(end, "--to")
    with _asked(city, profile, close) as asked:
        a, b = (asked.snapped([at for _, at in places]) for places in (starts, ends))
        seconds = asked.service.matrix(asked.who, a, b)
        if as_json:
            ways = {"ways": [[_short(asked, one, other) for other in b] for one in a]} if metres else {}
            give(
                {
                    "schema": "tocsin.matrix/1",
                    **asked.facts(),
                    "from": [{"name": n} | _place(asked.pack, at, s) for (n, at), s in zip(starts, a, strict=True)],
                    "to": [{"name": n} | _place(asked.pack, at, s) for (n, at), s in zip(ends, b, strict=True)],
                    "seconds": _table(seconds),
                    **ways,
                }
            )
            return
        typer.echo("\t".join(["", *(name for name, _ in ends)]))
        for (name, _), row in zip(starts, _table(seconds), strict=True):
            typer.echo("\t".join([name, *("" if one is None else f"{one:.1f}" for one in row)]))


def _short(asked: _Asked, start: Snap, end: Snap) -> dict[str, Any] | None:
    """Metres, seconds and streets of one pair."""
    from twin.route import Route

    found = asked.service.route(asked.who, start, end)
    if not isinstance(found, Route):
        return None
    return {key: value for key, value in _way(found).items() if key != "geometry"}


# --- the city that is asked -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """A city with its closures, open for questions."""

    pack: CityPack
    service: RoutingService
    who: Profile
    closed: int

    def facts(self) -> dict[str, Any]:
        """What every answer says."""
        return {
            "city": self.pack.meta["name"],
            "attribution": self.pack.meta.get("attribution", ""),
            "profile": self.who.name,
            "epoch": self.service.epoch,
            "closed_roads": self.closed,
        }

    def snapped(self, places: list[LonLat]) -> list[Snap]:
        """Each place on the nearest road that the profile may use."""
        from twin.snap import Snappers

        return (
            Snappers(self.service.network)
            .of(self.who)
            .snap_many([lon for lon, _ in places], [lat for _, lat in places])
        )


@contextmanager
def _asked(city: str, who: str, close: list[str] | None) -> Iterator[_Asked]:
    from console.config import Home
    from twin.geometry import edges_touching, read_shape
    from twin.network import RoadNetwork
    from twin.pack import CityPack
    from twin.profiles import PROFILES
    from twin.road_state import RoadState
    from twin.routing import RoutingService

    if who not in PROFILES:
        raise UsageError(f"--profile {who}: known are {', '.join(PROFILES)}.")
    shapes = [read_shape(_shape_text(one)) for one in close or []]
    pack = CityPack.open(pack_path(city))
    network = RoadNetwork(pack)
    shut = sorted({edge for shape in shapes for edge in edges_touching(pack, shape).tolist()})
    state = RoadState.free(network).with_changes(0, closed_edges=shut)
    service = RoutingService(network, order_cache=order_of(Home.find(), pack.path), state=state)
    try:
        if not service.wait_until_ready(_WAIT_S):
            typer.echo(f"The slower engine answers: {service.degraded}.", err=True)
        yield _Asked(pack, service, PROFILES[who], len(shut))
    finally:
        service.close()


# --- what is typed ----------------------------------------------------------------------------------------


def _lonlat(text: str, option: str) -> LonLat:
    """A position as typed; UsageError names the option."""
    from twin.geometry import check_position

    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{option} {text[:60]}: give longitude,latitude, for example -30.01,45.99.") from None
    return check_position(lon, lat)


def _places(text: str, option: str) -> list[tuple[str, LonLat]]:
    """(name, position) of each place, typed or in a file."""
    from twin.geometry import read_shape

    path = Path(text)
    if ";" not in text and path.is_file():
        written = _read(path)
        if written.lstrip().startswith("{"):
            found = list(_named_points(json.loads(written), read_shape(written).points))
        else:
            lines = [line for line in map(str.strip, written.splitlines()) if line and not line.startswith("#")]
            found = [(line, _lonlat(line, f"{option} {path.name}:")) for line in lines]
    else:
        found = [(part.strip(), _lonlat(part, option)) for part in text.split(";") if part.strip()]
    if not found or len(found) > MOST_PLACES:
        raise UsageError(f"{option}: give between 1 and {MOST_PLACES} places.")
    return found


def _named_points(data: Any, points: tuple[LonLat, ...]) -> Iterator[tuple[str, LonLat]]:
    """Each point with its feature's name or id, otherwise its position."""
    features = data.get("features") or []
    for number, (lon, lat) in enumerate(points):
        facts = features[number].get("properties") or {} if len(features) == len(points) else {}
        yield str(facts.get("name") or facts.get("id") or f"{lon},{lat}"), (lon, lat)


def _shape_text(text: str) -> str:
    """The shape itself, or the file that holds it."""
    if re.match(r"\s*([A-Za-z]+\s*\(|\{)", text):
        return text
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"--close {text[:60]}: neither WKT nor a file.")
    return _read(path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: {error}") from error


# --- what is shown ----------------------------------------------------------------------------------------


def _way(found: Route) -> dict[str, Any]:
    return {
        "metres": round(found.length_m, 1),
        "seconds": round(found.duration_s, 1),
        "streets": [{"name": name, "metres": round(metres, 1), "turn": turn} for name, metres, turn in found.streets],
        "geometry": {"type": "LineString", "coordinates": [_rounded((x, y)) for x, y in found.geometry.tolist()]},
    }


def _place(pack: CityPack, asked: LonLat, snap: Snap) -> dict[str, Any]:
    return {
        "asked": list(asked),
        "on_road": _rounded(pack.to_lonlat(snap.x, snap.y)),
        "street": snap.name,
        "metres_off": round(snap.distance_m, 1),
    }


def _rounded(place: LonLat) -> list[float]:
    return [round(float(place[0]), 7), round(float(place[1]), 7)]


def _table(seconds: NDArray[np.float64]) -> list[list[float | None]]:
    """Seconds with one decimal, None where there is no way."""
    return [[None if one == float("inf") else round(one, 1) for one in row] for row in seconds.tolist()]
