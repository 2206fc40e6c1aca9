"""Official warnings (CAP) as hazards: opened, updated and cancelled only by the one who issued them.

A CAP Update or Cancel acts only where its sender *and* the feed that brought it are the original's (the feed's
credential names the source, never the body). Otherwise the warning stands, marked as disputed.

Four ends differ: an update goes on in its place, a cancel is its issuer's word that it is over, expiry is its own time,
and what its feed holds no longer without a word has vanished: that is no all-clear, and somebody should ask.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from picture import events as ev
from picture.ids import Ids
from picture.model import Hazard, StreamPicture
from picture.reports import AlertMessage

CHAIN: Final = 64
"""Earlier messages of one warning that are remembered, the newest."""


@dataclass(frozen=True, slots=True)
class Disbelieved:
    """An update or cancel that must not act: the hazard it aimed at, and why not."""

    hazard: ev.HazardChanged
    why: str


def judge(report: AlertMessage, *, feed: str, picture: StreamPicture, ids: Ids) -> list[ev.Event] | Disbelieved:
    """What an alert does to the hazards: nothing for tests, drafts and acknowledgements."""
    if report.status in ("Test", "Draft", "System") or report.msg_type in ("Ack", "Error"):
        return []
    if report.status == "Exercise" and picture.world == "live":
        return []
    if _replaced(report, feed, picture):
        return []
    known = _referenced(report, picture)
    if report.msg_type == "Alert":
        if known is None:
            return [_hazard(ids.new("H"), report, "active")]
        back = known.status == "vanished" and (known.source, known.sender) == (feed, report.sender)
        return [_hazard(known.id, report, "active", known)] if back else []
    if known is None:
        # An update of something we never saw is a warning all the same; a cancel of it changes nothing.
        return [_hazard(ids.new("H"), report, "active")] if report.msg_type == "Update" else []
    if report.sender != known.sender or feed != known.source:
        what = "cancellation" if report.msg_type == "Cancel" else "update"
        why = f"a {what} by {report.sender} over {feed} is not from its issuer, {known.sender} over {known.source}"
        return Disbelieved(_same(known, why), why)
    return _acted(report, known, picture)


def _acted(report: AlertMessage, known: Hazard, picture: StreamPicture) -> list[ev.Event]:
    """A cancel ends each warning that it names; an update goes on as one of them and ends the others."""
    others = _others(report, known, picture)
    if report.msg_type == "Cancel":
        return [_hazard(one.id, report, "cancelled", one) for one in (known, *others)]
    ended = [_same(one, one.disputed).model_copy(update={"status": "ended"}) for one in others]
    return [_hazard(known.id, report, "active", known), *ended]


def expired(picture: StreamPicture, now_ms: int) -> list[ev.Event]:
    """The warnings that ran out: expiry is neither cancellation nor an all-clear, and is said as such."""
    return [
        _same(hazard, hazard.disputed).model_copy(update={"status": "expired"})
        for hazard in picture.hazards.values()
        if hazard.status == "active" and hazard.expires_ms is not None and hazard.expires_ms <= now_ms
    ]


def vanished(
    picture: StreamPicture, feed: str, listed: Container[tuple[str, str]], now_ms: int
) -> list[ev.HazardChanged]:
    """The feed's standing warnings that are not among the (sender, identifier) it lists.

    What ran out meanwhile is left to expire. ``listed`` must be all that the feed holds, references included: a list
    that could not be read whole says nothing of what is missing in it.
    """
    return [
        _same(hazard, hazard.disputed).model_copy(update={"status": "vanished"})
        for hazard in sorted(picture.hazards.values(), key=lambda one: one.id)
        if (hazard.kind, hazard.source, hazard.status) == ("warning", feed, "active")
        and (hazard.sender, hazard.external_id) not in listed
        and (hazard.expires_ms is None or hazard.expires_ms > now_ms)
    ]


def _replaced(report: AlertMessage, feed: str, picture: StreamPicture) -> bool:
    """Whether its own issuer has replaced this message by a later one: heard again it brings nothing back."""
    return any(
        report.external_id in hazard.replaces and (hazard.source, hazard.sender) == (feed, report.sender)
        for hazard in picture.hazards.values()
    )


def _chain(report: AlertMessage, known: Hazard | None) -> tuple[str, ...]:
    """Identifiers that the message replaces: those before it, and those of its sender that it names itself."""
    named = [parts for reference in report.references if len(parts := reference.split(",")) == 3]
    own = [identifier for sender, identifier, _ in named if sender == report.sender]
    before = [*known.replaces, known.external_id] if known is not None else []
    found = dict.fromkeys(one for one in (*before, *own) if one not in ("", report.external_id))
    return tuple(found)[-CHAIN:]


def _others(report: AlertMessage, known: Hazard, picture: StreamPicture) -> list[Hazard]:
    """Further warnings of the same origin that the message names: it calls off, or takes the place of, each."""
    named = _named(report)
    return [
        hazard
        for hazard in sorted(picture.hazards.values(), key=lambda one: one.id)
        if hazard.id != known.id
        and (hazard.kind, hazard.sender, hazard.source) == ("warning", known.sender, known.source)
        and hazard.status not in ("cancelled", "ended")
        and hazard.external_id in named
    ]


def _named(report: AlertMessage) -> set[str]:
    return {reference.split(",")[1] for reference in report.references if reference.count(",") >= 2} - {""}


def _referenced(report: AlertMessage, picture: StreamPicture) -> Hazard | None:
    """The warning it is about. An identifier is its sender's own (CAP 1.2 §3.2.1): another's changes nothing of it."""
    named = _named(report)
    found = [
        hazard
        for hazard in picture.hazards.values()
        if hazard.kind == "warning"
        and hazard.status not in ("cancelled", "ended")
        and (hazard.external_id in named or (hazard.external_id, hazard.sender) == (report.external_id, report.sender))
    ]
    return min(found, key=lambda hazard: hazard.sender != report.sender, default=None)


def _hazard(identifier: str, report: AlertMessage, status: str, known: Hazard | None = None) -> ev.HazardChanged:
    return ev.HazardChanged.model_validate(
        {
            "id": identifier,
            "hazard_kind": "warning",
            "status": status,
            "title": report.headline or report.event or (known.title if known else "Official warning"),
            "rings": report.rings or (known.rings if known else ()),
            "severity": report.severity,
            "expires_ms": report.expires_ms,
            "external_id": report.external_id,
            "sender": report.sender,
            "disputed": known.disputed if known else "",
            "replaces": _chain(report, known),
        }
    )


def _same(hazard: Hazard, disputed: str) -> ev.HazardChanged:
    return ev.HazardChanged.model_validate(
        {
            "id": hazard.id,
            "hazard_kind": hazard.kind,
            "status": hazard.status,
            "title": hazard.title,
            "rings": hazard.rings,
            "severity": hazard.severity,
            "expires_ms": hazard.expires_ms,
            "external_id": hazard.external_id,
            "sender": hazard.sender,
            "disputed": disputed,
            "level_mm": hazard.level_mm,
            "barrier_closed": hazard.barrier_closed,
            "inside_mm": hazard.inside_mm,
            "roads_closed": hazard.roads_closed,
            "replaces": hazard.replaces,
        }
    )
