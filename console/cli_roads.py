"""The road commands: ways, reach and travel times over a city's roads, without those that are given as closed.

Nothing here follows a journal: the roads are the pack's, without what ``--close`` names, and answers have epoch 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.asking import Asked, City, Close, Who, opened, place_of, rounded, typed_places, typed_position
from console.cli_city import AsJson, city_import, city_info, give
from console.cli_critical import criticality
from console.cli_reach import reach
from picture.errors import RoadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.route import Route
    from twin.snap import Snap


def register(app: typer.Typer, city: typer.Typer) -> None:
    """Adds the road commands to the command line."""
    city.command("import")(city_import)
    city.command("info")(city_info)
    app.command("route")(route)
    app.command("reach")(reach)
    app.command("matrix")(matrix)
    app.command("criticality")(criticality)


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

    a, b = typed_position(start, "--from"), typed_position(end, "--to")
    with opened(city, profile, close) as asked:
        found = asked.service.route(asked.who, a, b)
        if isinstance(found, NoRoute):
            raise RoadError(f"{_REASONS.get(found.reason, found.reason)}", code="TOC-5002")
        others = asked.service.routes(asked.who, a, b, count=alternatives + 1)[1:] if alternatives else ()
        if as_json:
            give(
                {
                    "schema": "tocsin.route/1",
                    **asked.facts(),
                    "from": place_of(asked.pack, a, found.start),
                    "to": place_of(asked.pack, b, found.end),
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
    starts, ends = typed_places(start, "--from"), typed_places(end, "--to")
    with opened(city, profile, close) as asked:
        a, b = (asked.snapped([at for _, at in places]) for places in (starts, ends))
        seconds = asked.service.matrix(asked.who, a, b)
        if as_json:
            ways = {"ways": [[_short(asked, one, other) for other in b] for one in a]} if metres else {}
            give(
                {
                    "schema": "tocsin.matrix/1",
                    **asked.facts(),
                    "from": [{"name": n} | place_of(asked.pack, at, s) for (n, at), s in zip(starts, a, strict=True)],
                    "to": [{"name": n} | place_of(asked.pack, at, s) for (n, at), s in zip(ends, b, strict=True)],
                    "seconds": _table(seconds),
                    **ways,
                }
            )
            return
        typer.echo("\t".join(["", *(name for name, _ in ends)]))
        for (name, _), row in zip(starts, _table(seconds), strict=True):
            typer.echo("\t".join([name, *("" if one is None else f"{one:.1f}" for one in row)]))


def _short(asked: Asked, start: Snap, end: Snap) -> dict[str, Any] | None:
    """Metres, seconds and streets of one pair."""
    from twin.route import Route

    found = asked.service.route(asked.who, start, end)
    if not isinstance(found, Route):
        return None
    return {key: value for key, value in _way(found).items() if key != "geometry"}


# --- what is shown ----------------------------------------------------------------------------------------


def _way(found: Route) -> dict[str, Any]:
    return {
        "metres": round(found.length_m, 1),
        "seconds": round(found.duration_s, 1),
        "streets": [{"name": name, "metres": round(metres, 1), "turn": turn} for name, metres, turn in found.streets],
        "geometry": {"type": "LineString", "coordinates": [rounded((x, y)) for x, y in found.geometry.tolist()]},
    }


def _table(seconds: NDArray[np.float64]) -> list[list[float | None]]:
    """Seconds with one decimal, None where there is no way."""
    return [[None if one == float("inf") else round(one, 1) for one in row] for row in seconds.tolist()]
