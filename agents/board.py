"""The board that plans are made on: who is free, where they are, how long each takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.goals import Setting, Wish
from agents.score import FARTHEST_S, Board, Slot
from picture.model import StreamPicture, Unit
from playbooks.context import Context, LonLatE7
from playbooks.dispatch import Eligibility, cover_areas, covers, flooded_roads, is_kind
from playbooks.verbs.units import position_of
from twin.profiles import PROFILES


@dataclass(frozen=True, slots=True)
class Laid:
    """A board, and what is known besides: who is out of it and why, who has to be thought at the station."""

    board: Board
    out: dict[str, str]
    """Unit -> why it can be sent nowhere now."""
    held: dict[str, str]
    """Free unit -> why it stays, whatever is wanted; empty where nothing holds it."""
    unseen: tuple[str, ...]
    """Units whose position is not known; their station is taken."""
    avoid: dict[str, frozenset[int]]
    """Unit -> segments it may not use beside those that are closed."""
    over_limit: int
    """Crews wanted that were left out because no more were asked for."""


def lay(setting: Setting, wish: Wish, ctx: Context, eligibility: Eligibility) -> Laid:
    """The board of a setting: one travel-time sweep per vehicle profile and set of roads to be kept off."""
    home = ctx.picture.home
    out, free = _sorted_out(home, eligibility)
    avoid = {unit.id: _avoided(unit, setting, wish, ctx, eligibility) for unit in free}
    areas = cover_areas(home)
    ends = [(task.lon_e7, task.lat_e7) for task in setting.tasks] + [(area.lon_e7, area.lat_e7) for area in areas]
    times = _times(free, ends, avoid, ctx)
    split = len(setting.tasks)
    eta_s = tuple(
        tuple(None if one is None or one > FARTHEST_S else one for one in times[unit.id][:split]) for unit in free
    )
    cover_s = tuple(
        tuple(times[unit.id][split + a] if covers(unit) else None for unit in free) for a in range(len(areas))
    )
    held = {unit.id: _held(unit, setting) for unit in free}
    why_not = [[held[unit.id] or _why_not(unit, slot, setting, eligibility) for slot in setting.slots] for unit in free]
    kept = _within(setting, eta_s, why_not)
    board = Board(
        tuple(free),
        setting.tasks,
        tuple(setting.slots[s] for s in kept),
        eta_s,
        tuple(tuple(row[s] for s in kept) for row in why_not),
        areas,
        cover_s,
    )
    unseen = tuple(unit.id for unit in free if not _seen(unit, ctx))
    return Laid(board, out, held, unseen, avoid, len(setting.slots) - len(kept))


def _held(unit: Unit, setting: Setting) -> str:
    """Why a free unit stays, whatever is wanted; it goes on covering its area."""
    if setting.kinds and not any(is_kind(unit, kind) for kind in setting.kinds):
        return f"not of the kind asked for ({', '.join(setting.kinds)})"
    return setting.stays.get(unit.id, "")


def _why_not(unit: Unit, slot: Slot, setting: Setting, eligibility: Eligibility) -> str:
    if slot.only is not None and unit.id not in slot.only:
        return "not threatened by the water"
    return eligibility.why_not(unit, setting.tasks[slot.task], slot.role)


def _within(setting: Setting, eta_s: Sequence[Sequence[int | None]], why_not: Sequence[Sequence[str]]) -> list[int]:
    """The slots that the limit leaves: those that nobody can take are kept, to be told, and do not use it up."""
    kept, left = [], setting.limit or len(setting.slots)
    for s, slot in enumerate(setting.slots):
        served = any(times[slot.task] is not None and not why[s] for times, why in zip(eta_s, why_not, strict=True))
        if not served or left > 0:
            kept.append(s)
            left -= served
    return kept


def _sorted_out(home: StreamPicture, eligibility: Eligibility) -> tuple[dict[str, str], list[Unit]]:
    out, free = {}, []
    for unit in sorted(home.units.values(), key=lambda one: one.id):
        why = eligibility.why_not_now(unit)
        if not why and unit.profile not in PROFILES:
            why = f"no ways are known for its vehicle, {unit.profile!r}"
        if why:
            out[unit.id] = why
        else:
            free.append(unit)
    return out, free


def _avoided(unit: Unit, setting: Setting, wish: Wish, ctx: Context, eligibility: Eligibility) -> frozenset[int]:
    if unit.profile == "boat":
        return frozenset()
    wet = (
        flooded_roads(ctx.picture.home)
        if setting.dry
        else eligibility.too_deep_for(unit, round(PROFILES[unit.profile].wading_m * 1000))
    )
    return ctx.avoid | wish.avoid_edges | wet


def _times(
    free: Sequence[Unit], ends: Sequence[LonLatE7], avoid: dict[str, frozenset[int]], ctx: Context
) -> dict[str, list[int | None]]:
    groups: dict[tuple[str, frozenset[int]], list[Unit]] = {}
    for unit in free:
        groups.setdefault((unit.profile, avoid[unit.id]), []).append(unit)
    times: dict[str, list[int | None]] = {}
    for (profile, edges), units in groups.items():
        rows = ctx.services.roads.matrix(profile, [position_of(unit, ctx) for unit in units], ends, edges)
        for unit, row in zip(units, rows, strict=True):
            times[unit.id] = [None if one is None else round(one) for one in row]
    return times


def _seen(unit: Unit, ctx: Context) -> bool:
    return unit.position is not None and all(isinstance(ctx.open_ref(ref), int) for ref in unit.position)
