"""``tocsin criticality``: which single road's loss hurts most, found by closing one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.asking import Asked, City, Close, LonLat, Who, opened, rounded, typed_places, typed_position
from console.cli_city import AsJson, bar, give
from console.cli_reach import RING_KINDS, sites
from picture.errors import RoadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from twin.criticality import Criticality, RoadLoss
    from twin.snap import Snap

_MOST_ENDS = 200


def criticality(
    city: City,
    start: Annotated[
        str,
        typer.Option("--from", help=f"Who must get there: LON,LAT;… or a file; the {', '.join(RING_KINDS)}s if none."),
    ] = "",
    end: Annotated[str, typer.Option("--to", help="Where they must get, as --from; the districts if none.")] = "",
    near: Annotated[str, typer.Option("--near", help="Examines only roads near LON,LAT.")] = "",
    within: Annotated[float, typer.Option(min=1.0, help="With --near: how near, in metres.")] = 1_000.0,
    profile: Who = "car",
    close: Close = None,
    top: Annotated[int, typer.Option(min=1, max=1_000, help="How many roads to name.")] = 10,
    candidates: Annotated[
        int, typer.Option(min=1, max=100_000, help="Examines so many of the busiest roads, and all that may cut off.")
    ] = 200,
    as_json: AsJson = False,
) -> None:
    """Which single road's loss hurts most: each is closed for real and every way asked anew."""
    from twin.criticality import Demand
    from twin.criticality import criticality as ranked

    around = typed_position(near, "--near") if near else None
    with opened(city, profile, close) as asked:
        starts = _ends(asked, typed_places(start, "--from") if start else [], RING_KINDS)
        ends = _ends(asked, typed_places(end, "--to") if end else [], ())
        with bar() as tell:
            found = ranked(
                asked.service,
                Demand(starts, ends),
                asked.who,
                candidates=candidates,
                only=_near(asked, around, within),
                progress=_pace(tell),
            )
        if as_json:
            give(
                {
                    "schema": "tocsin.criticality/1",
                    **asked.facts(),
                    "from": list(starts),
                    "to": list(ends),
                    "examined": len(found.losses),
                    "roads": [_road(asked, loss) for loss in found.losses[:top]],
                }
            )
            return
        _say(found, top)


def _say(found: Criticality, top: int) -> None:
    hurting = [loss for loss in found.losses[:top] if loss.hurts]
    typer.echo(f"{len(found.losses)} roads examined one by one.")
    if not hurting:
        typer.echo(found.in_words())
    for number, loss in enumerate(hurting, start=1):
        typer.echo(f"{number:3}. {loss.in_words()}")


def _pace(tell: Callable[[str, float], None]) -> Callable[[int, int], None]:
    """Progress in words: how many roads, how fast, how long it will take."""
    begin = time.monotonic()

    def told(done: int, of: int) -> None:
        seconds = max(time.monotonic() - begin, 1e-3)
        left = seconds / done * (of - done)
        tell(f"{done} of {of} roads, {done / seconds:.0f} a second, about {left:.0f} s left", done / of)

    return told


def _ends(asked: Asked, named: list[tuple[str, LonLat]], kinds: tuple[str, ...]) -> dict[str, Snap]:
    """The places by name: those typed, otherwise the pack's sites of these kinds (districts without kinds)."""
    places = named or [(one["name"], (one["lon"], one["lat"])) for _, one in _listed(asked, kinds)]
    if not places:
        what = f"sites of the kind {', '.join(kinds)}" if kinds else "districts"
        raise RoadError(f"It lists no {what}.", code="TOC-5310")
    if len(places) > _MOST_ENDS:
        raise RoadError(f"{len(places)} places on one side; at most {_MOST_ENDS} can be asked.", code="TOC-5310")
    snaps = asked.snapped([at for _, at in places])
    ends: dict[str, Snap] = {}
    for (name, _), snap in zip(places, snaps, strict=True):
        # Two of one name are told apart by their number.
        twin = sum(other == name or other.startswith(f"{name} (") for other in ends)
        ends[f"{name} ({twin + 1})" if twin else name] = snap
    return ends


def _listed(asked: Asked, kinds: tuple[str, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [(key, one) for key, one in sites(asked, kinds) if kinds or one["kind"] == "district"]


def _near(asked: Asked, around: LonLat | None, within_m: float) -> NDArray[np.bool_] | None:
    """bool (e,): the roads with an end no further than that from the place; None for all."""
    if around is None:
        return None
    import numpy as np

    network = asked.service.network
    away = np.hypot(*(network.node_xy - np.array(asked.pack.to_xy(*around))).T) <= within_m
    near: NDArray[np.bool_] = away[network.edge_tail] | away[network.edge_head]
    return near


def _road(asked: Asked, loss: RoadLoss) -> dict[str, Any]:
    network = asked.service.network
    line = [rounded(asked.pack.to_lonlat(float(x), float(y))) for x, y in network.edge_line(loss.edge).tolist()]
    return {
        "road": loss.edge,
        "name": loss.name,
        "between": [end for end in loss.between if end],
        "ways_lost": [list(pair) for pair in loss.cut],
        "added_s": round(loss.added_s, 1),
        "worst": None if loss.worst is None else dict(zip(("from", "to", "added_s"), loss.worst, strict=True)),
        "in_words": loss.in_words(),
        "geometry": {"type": "LineString", "coordinates": line},
    }
