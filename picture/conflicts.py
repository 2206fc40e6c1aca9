"""What several cores say of one thing and cannot all be right about: shown, never refused, never settled by itself.

Cores of one domain go on working while they cannot hear each other. Their streams then join into one picture, and
this pure view of it names where they contradict: it depends on the picture alone, in whatever order the streams came.
A conflict is gone once somebody acts on it: stands a unit down, closes one incident, lets go of a claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeVar

from picture.clock import from_ms
from picture.fold import Picture
from picture.model import Closure, StreamPicture
from picture.text import visible

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One contradiction between streams."""

    kind: str
    """barrier, unit, closure, incident number, incident id, decision, request, claim; stream."""
    subject: str
    """Id of what it is about, as it stands on the picture."""
    words: str
    """``E12 is assigned twice: to I-3 since 12:00:05Z (north, entry 812); to I-9 …``; plain text."""
    entries: tuple[tuple[str, int], ...]
    """(stream, seq) of the entries behind it."""


class _Side(NamedTuple):
    """What one stream says."""

    stream: str
    entry: int
    words: str


def conflicts(picture: Picture) -> tuple[Conflict, ...]:
    """Every contradiction between the picture's streams, the gravest kind first, then by subject."""
    subs = [picture.streams[name] for name in sorted(picture.streams)]
    if len(subs) < 2:
        return ()
    found: list[Conflict] = []
    for look in _LOOKS:
        found += sorted(look(subs), key=lambda one: (one.subject, one.entries))
    return tuple(found)


def _barrier(subs: list[StreamPicture]) -> Iterator[Conflict]:
    said = [sub for sub in subs if sub.barrier_entry]
    if len({sub.barrier for sub in said}) > 1:
        sides = [
            _Side(sub.stream, sub.barrier_entry, f"{sub.barrier} since {_clock(sub.barrier_since_ms)}") for sub in said
        ]
        yield _conflict("barrier", "barrier", "The barrier's state is not agreed on", sides)


def _units(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """One unit sent by several cores."""
    active = _by(subs, lambda sub: ((one.unit, one) for one in sub.assignments.values() if one.status == "active"))
    for unit, said in active:
        sides = [
            _Side(stream, one.entry, f"to {one.incident or one.to.label or 'a place'} since {_clock(one.made_ms)}")
            for stream, one in said
        ]
        yield _conflict("unit", unit, f"{unit} is assigned twice", sides)


def _closures(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """Roads that one core holds closed and another one reopened later."""
    lifted: defaultdict[int, list[tuple[str, Closure]]] = defaultdict(list)
    for sub in subs:
        for one in sub.closures.values():
            if one.status == "lifted":
                for edge in one.edges:
                    lifted[edge].append((sub.stream, one))
    for sub in subs if lifted else ():
        for one in sub.closures.values():
            if one.status != "active":
                continue
            against = {
                (stream, other.entry): other
                for edge in one.edges
                for stream, other in lifted.get(edge, ())
                if stream != sub.stream and (other.lifted_ms or 0) >= one.since_ms
            }
            if against:
                sides = [_Side(sub.stream, one.entry, f"closed since {_clock(one.since_ms)}, {one.reason}")]
                sides += [
                    _Side(stream, entry, f"reopened at {_clock(other.lifted_ms)}")
                    for (stream, entry), other in sorted(against.items(), key=lambda pair: pair[0])
                ]
                yield _conflict("closure", one.id, f"{one.name or one.id} is closed and reopened", sides)


def _numbers(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """One authoritative number, open as an incident in several streams."""
    opened = _by(subs, lambda sub: (
        (number, one) for one in sub.incidents.values()
        if one.status == "open" and not one.duplicate_of for number in one.authoritative_ids
    ))  # fmt: skip
    for number, said in opened:
        sides = [_Side(stream, one.entry, f"{one.id}, {one.title}") for stream, one in said]
        yield _conflict("incident number", number, f"{number} is open twice", sides)


def _ids(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """One id that two cores gave to an incident each: the joined picture shows only one of them under it."""
    for name, said in _by(subs, lambda sub: sub.incidents.items()):
        sides = [_Side(stream, one.entry, one.title) for stream, one in said]
        yield _conflict("incident id", name, f"{name} means two incidents", sides)


def _decisions(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """A proposal that was approved here and rejected there."""
    for proposal, said in _by(subs, lambda sub: ((one.proposal, one) for one in sub.decisions.values())):
        if len({one.verdict for _, one in said}) > 1:
            sides = [_Side(stream, one.entry, f"{one.verdict} by {one.actor.person}") for stream, one in said]
            yield _conflict("decision", proposal, f"{proposal} was decided both ways", sides)


def _requests(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """A request that got two answers."""
    answered = _by(subs, lambda sub: ((one.id, one) for one in sub.requests.values() if one.answered_ms is not None))
    for name, said in answered:
        if len({(one.status, one.terms) for _, one in said}) > 1:
            sides = [_Side(stream, one.entry, f"{one.status} at {_clock(one.answered_ms)}") for stream, one in said]
            yield _conflict("request", name, f"{name} was answered twice", sides)


def _claims(subs: list[StreamPicture]) -> Iterator[Conflict]:
    """One thing in the hands of several persons."""
    for subject, said in _by(subs, lambda sub: sub.claims.items()):
        if len({one.person for _, one in said}) > 1:
            sides = [
                _Side(stream, one.entry, f"{one.person}, {one.position}, since {_clock(one.since_ms)}")
                for stream, one in said
            ]
            yield _conflict("claim", subject, f"{subject} is in two hands", sides)


_LOOKS: Final[tuple[Callable[[list[StreamPicture]], Iterator[Conflict]], ...]] = (
    _barrier, _units, _closures, _numbers, _ids, _decisions, _requests, _claims,
)  # fmt: skip


def other_stream(heard: tuple[str, int], now: tuple[str, int], heard_hash: str, now_hash: str) -> Conflict:
    """The conflict of a core that had received another entry of a stream than the one that is here under its number.

    ``heard`` and ``now`` are (stream, seq) of the entry that says what was received, and of the one that is here.
    """
    sides = [_Side(*heard, f"received as {heard_hash[:12]}"), _Side(*now, f"here as {now_hash[:12]}")]
    return _conflict("stream", now[0], f"{now[0]} is not the stream that was received", sides)


def _by(
    subs: list[StreamPicture], keyed: Callable[[StreamPicture], Iterable[tuple[str, T]]]
) -> Iterator[tuple[str, list[tuple[str, T]]]]:
    """What is said under one key, as (stream, record), of the keys under which several streams say something."""
    said: defaultdict[str, list[tuple[str, T]]] = defaultdict(list)
    for sub in subs:
        for key, record in keyed(sub):
            said[key].append((sub.stream, record))
    for key, all_of in said.items():
        if len([1 for _ in groupby(all_of, key=lambda one: one[0])]) > 1:
            yield key, all_of


def _conflict(kind: str, subject: str, what: str, sides: list[_Side]) -> Conflict:
    told = "; ".join(f"{side.words} ({side.stream}, entry {side.entry})" for side in sides)
    return Conflict(kind, subject, visible(f"{what}: {told}"), tuple((side.stream, side.entry) for side in sides))


def _clock(ms: Any) -> str:
    return "an unknown time" if ms is None else from_ms(ms).strftime("%H:%M:%SZ")
