"""Turn restrictions: read from relations, resolved to forbidden moves from arc to arc.

Wiki, Relation:restriction: ``no_*`` forbids from → to at the via node; ``only_*`` forbids every other way on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FOR_CARS = ("restriction", "restriction:motor_vehicle", "restriction:motorcar")
_CONDITIONAL = ":conditional"
_HOURS = ("day_on", "day_off", "hour_on", "hour_off")
_CARS = frozenset({"motorcar", "motor_vehicle", "vehicle"})


@dataclass(frozen=True, slots=True)
class Restriction:
    """One relation: OSM way ids ``come`` and ``go``, node id ``via`` (0 where it leads over ways, −1 without any).

    ``over`` are the ways it leads over. ``at_times``: what it forbids holds at some hours or for some only, and that
    part is not applied; ``always`` says whether any part holds always.
    """

    come: tuple[int, ...]
    via: int
    go: tuple[int, ...]
    only: bool
    for_cars: bool
    over: tuple[int, ...] = ()
    at_times: bool = False
    always: bool = True


@dataclass(frozen=True, slots=True)
class Turns:
    """Forbidden moves, int32 (r,) each, and what became of the relations."""

    arc_from: NDArray[np.int32]
    arc_to: NDArray[np.int32]
    applied: int
    by_way: int
    not_for_cars: int
    unresolved: int
    conditional: int = 0


def read_restriction(tags: Mapping[str, str], members: Sequence[tuple[str, int, str]]) -> Restriction | None:
    """The restriction a relation states; None where it states none.

    ``restriction:conditional``, and hours given in the old way, are kept apart from what holds always.
    """
    at_times = any(key.startswith("restriction") and key.endswith(_CONDITIONAL) for key in tags)
    by_the_hour = any(key in tags for key in _HOURS)
    plain = {key: value for key, value in tags.items() if key.startswith("restriction") and _CONDITIONAL not in key}
    rule = next((plain[key] for key in _FOR_CARS if key in plain), "")
    for_cars = bool(rule) and not _CARS & {part.strip() for part in tags.get("except", "").split(";")}
    rule = rule or next((value for key, value in plain.items() if key.startswith("restriction:")), "")
    if at_times and not rule:
        return Restriction((), -1, (), False, True, at_times=True, always=False)
    if not rule.startswith(("no_", "only_")):
        return None
    come = tuple(ref for kind, ref, role in members if role == "from" and kind == "w")
    go = tuple(ref for kind, ref, role in members if role == "to" and kind == "w")
    vias = [(kind, ref) for kind, ref, role in members if role == "via"]
    via = vias[0][1] if len(vias) == 1 and vias[0][0] == "n" else 0
    over = () if via else tuple(ref for kind, ref in vias if kind == "w")
    return Restriction(
        come,
        via if vias else -1,
        go,
        rule.startswith("only_"),
        for_cars,
        over,
        at_times=at_times or by_the_hour,
        always=not by_the_hour,
    )


def resolve(
    restrictions: Sequence[Restriction],
    via_node: Mapping[int, int],
    arcs: ArcEnds,
) -> Turns:
    """The forbidden arc pairs; ``via_node`` leads from OSM node ids to nodes of the graph.

    A way that goes on beyond its via node has two arcs there and the relation does not say which: such a
    restriction counts as unresolved, because forbidding the wrong turn would hide a road that is open.
    """
    pairs: dict[tuple[int, int], None] = {}
    applied = by_way = others = unresolved = 0
    for rule in restrictions:
        if not rule.always:
            continue
        if not rule.for_cars:
            others += 1
        elif rule.via == 0:
            by_way += 1
        elif (moves := _moves(rule, via_node.get(rule.via, -1), arcs)) is None:
            unresolved += 1
        else:
            applied += 1
            pairs.update(dict.fromkeys(moves))
    conditional = sum(rule.at_times for rule in restrictions)
    found = np.array(list(pairs), dtype=np.int32).reshape(-1, 2)
    return Turns(found[:, 0].copy(), found[:, 1].copy(), applied, by_way, others, unresolved, conditional)


class ArcEnds:
    """The arcs at the via nodes, by node and by the OSM way they come from or go into."""

    def __init__(
        self,
        nodes: Sequence[int],
        tail: NDArray[np.int32],
        head: NDArray[np.int32],
        first_way: NDArray[np.int64],
        last_way: NDArray[np.int64],
    ) -> None:
        """``first_way`` and ``last_way`` int64 (m,): the way an arc begins and ends on."""
        self._come: dict[tuple[int, int], list[int]] = {}
        self._go: dict[tuple[int, int], list[int]] = {}
        self._leaving: dict[int, list[int]] = {}
        for arc in np.flatnonzero(np.isin(head, nodes)).tolist():
            self._come.setdefault((int(head[arc]), int(last_way[arc])), []).append(arc)
        for arc in np.flatnonzero(np.isin(tail, nodes)).tolist():
            self._go.setdefault((int(tail[arc]), int(first_way[arc])), []).append(arc)
            self._leaving.setdefault(int(tail[arc]), []).append(arc)

    def come(self, node: int, ways: Sequence[int]) -> list[int] | None:
        """Arcs that reach the node on one of the ways; None where there is none or a way has several."""
        return _one_each(self._come, node, ways)

    def go(self, node: int, ways: Sequence[int]) -> list[int] | None:
        """Arcs that leave the node on one of the ways; None where there is none or a way has several."""
        return _one_each(self._go, node, ways)

    def leaving(self, node: int) -> list[int]:
        """All arcs that leave the node."""
        return self._leaving.get(node, [])


def _one_each(known: Mapping[tuple[int, int], list[int]], node: int, ways: Sequence[int]) -> list[int] | None:
    found = [known.get((node, way), []) for way in ways]
    if any(len(arcs) > 1 for arcs in found) or not any(found):
        return None
    return [arc for arcs in found for arc in arcs]


def _moves(rule: Restriction, node: int, arcs: ArcEnds) -> list[tuple[int, int]] | None:
    come, go = arcs.come(node, rule.come), arcs.go(node, rule.go)
    if come is None or go is None:
        return None
    if not rule.only:
        return [(one, other) for one in come for other in go]
    back = {one: set(arcs.go(node, rule.come) or ()) for one in come}
    return [(one, other) for one in come for other in arcs.leaving(node) if other not in go and other not in back[one]]
