"""What leaves the house: one alert to one recipient, as plain text or as CAP 1.2, marked as an exercise in a drill."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from feeds.cap import codec as cap
from feeds.fields import shortened
from picture.errors import DeliveryError, InputError
from picture.model import Alert
from picture.reports import AlertMessage

World = Literal["live", "drill", "whatif"]
EXERCISE: Final = "EXERCISE EXERCISE EXERCISE — "
"""Stands before every text that leaves any world but the live one."""
_EVENTS: Final = {"public": "Public warning", "agency": "Agency alert", "responder": "Responder alert",
                  "internal": "Internal notice"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One hand-over: everything a gateway needs, and nothing it could change."""

    alert: Alert
    recipient: str
    channel: str
    key: str
    """Idempotency key: the same for every attempt."""
    world: World
    cap_sender: str
    references: tuple[str, ...] = ()
    """``sender,identifier,sent`` of what it updates or cancels."""


def marked(text: str, world: World) -> str:
    """The text as it may leave this world: prefixed, once, unless the world is live."""
    return text if world == "live" or text.startswith(EXERCISE) else EXERCISE + text


def title_of(outgoing: Outgoing) -> str:
    """The line a phone shows."""
    return marked(outgoing.alert.headline, outgoing.world)


def body_of(outgoing: Outgoing) -> str:
    """The text, and the reference by which people and gateways know a repeat."""
    alert = outgoing.alert
    text = marked(alert.body or alert.headline, outgoing.world)
    place = f"\nArea: {alert.area}" if alert.area else ""
    return f"{text}{place}\nRef {outgoing.key[:8].upper()}"


def cap_of(outgoing: Outgoing) -> bytes:
    """CAP 1.2 XML, the same bytes for every attempt; status Exercise in every world but the live one.

    Raises:
        DeliveryError: TOC-7102 naming what CAP does not allow; trying again cannot help.
    """
    public = outgoing.alert.kind == "public"
    try:
        return cap.encode(
            _as_cap(outgoing), scope="Public" if public else "Private", addresses="" if public else _addresses(outgoing)
        )
    except InputError as error:
        raise DeliveryError(error.detail, code="TOC-7102") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DeliveryError(f"{first['loc'][0]}: {first['msg']}", code="TOC-7102") from error


def _addresses(outgoing: Outgoing) -> str:
    """Everybody who gets the alert on this channel, quoted: one identifier must not stand for several messages."""
    names = [one.recipient for one in outgoing.alert.deliveries if one.channel == outgoing.channel]
    return " ".join('"' + name.replace('"', "'") + '"' for name in names)


def cap_identifier(alert: Alert) -> str:
    """The alert's name in CAP: the one it was given, else one made from its id."""
    return alert.cap_identifier or re.sub(r"[\s,<&]", "-", f"TOCSIN-{alert.id}")


def cap_reference(alert: Alert, sender: str) -> str:
    """``sender,identifier,sent`` of an alert of ours, as an update or cancellation cites it."""
    return f"{sender},{cap_identifier(alert)},{cap.stamp(alert.made_ms)}"


def _as_cap(outgoing: Outgoing) -> AlertMessage:
    alert, world = outgoing.alert, outgoing.world
    sent_ms = alert.made_ms // 1000 * 1000  # CAP times have whole seconds
    return AlertMessage.model_validate({
        "at_ms": sent_ms, "sent_ms": sent_ms, "effective_ms": sent_ms, "expires_ms": alert.expires_ms,
        "external_id": cap_identifier(alert),
        "sender": outgoing.cap_sender, "status": "Actual" if world == "live" else "Exercise",
        "msg_type": alert.msg_type, "references": outgoing.references,
        "event": marked(_EVENTS[alert.kind], world),
        "urgency": alert.urgency, "severity": alert.severity, "certainty": alert.certainty,
        "headline": shortened(marked(alert.headline, world), 200),
        "description": shortened(marked(alert.body or alert.headline, world), 16_000),
        "area": shortened(alert.area or ("The area drawn" if alert.rings else ""), 200), "rings": alert.rings,
    })  # fmt: skip


def references_of(alert: Alert, ours: Iterable[Alert], sender: str) -> tuple[str, ...]:
    """The alert's references as CAP triples; a bare CAP identifier or alert id of ours is spelled out."""
    words = alert.references.split()
    named = {word: _named(word, ours) for word in words if "," not in word}
    return tuple(cap_reference(earlier, sender) if (earlier := named.get(word)) is not None else word for word in words)


def _named(name: str, ours: Iterable[Alert]) -> Alert | None:
    return next((one for one in ours if name in (cap_identifier(one), one.id)), None)
