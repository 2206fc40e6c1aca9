"""How NWS alerts arrive: a list of all that are in force, each of them a message of its own."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

import httpx

from feeds import fields, strict_json
from feeds.base import Framer, Limits
from feeds.config import FeedConfig
from feeds.gather import Gathered, Novelty, Part
from feeds.nws.codec import features
from picture.errors import InputError

LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=24, max_parts=2_000_000)


def _cut(data: bytes) -> list[dict[str, Any]] | None:
    """The alerts of a list; None where the document is to be judged as a whole."""
    try:
        return features(strict_json.parse(data, LIMITS))
    except InputError:
        return None


def _written(feature: dict[str, Any]) -> bytes:
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


class ListFramer:
    """Cuts a list into its alerts, so that one that cannot be read does not take the others with it."""

    def push(self, data: bytes) -> list[bytes]:
        found = _cut(data)
        return [data] if found is None else [_written(one) for one in found]


def new_framer() -> Framer:
    """A framer that cuts lists into alerts."""
    return ListFramer()


class ActiveAlerts:
    """Follows one polled list: what is new in it, and what stands."""

    def __init__(self) -> None:
        self._novelty = Novelty()

    async def gather(self, body: bytes) -> Gathered:
        """The list's news; what is no such list is one message, which the codec refuses with the reason."""
        found = _cut(body)
        return Gathered((body,)) if found is None else self._novelty.of(_part(one) for one in found)

    def taken(self, gathered: Gathered) -> None:
        """Remembers what was delivered."""
        self._novelty.taken(gathered)


def _part(feature: dict[str, Any]) -> Part:
    values, raw = feature["properties"], _written(feature)
    sender, identifier = values.get("sender"), values.get("id")
    try:
        sent_ms = fields.instant(values.get("sent"), "sent")
    except InputError:
        return Part(raw)
    if not (isinstance(sender, str) and isinstance(identifier, str)):
        return Part(raw)
    earlier = [one for one in values.get("references") or () if isinstance(one, dict)]
    named = tuple((str(one.get("sender")), str(one.get("identifier"))) for one in earlier)
    return Part(raw, (sender, identifier), sent_ms, named)


def new_gatherer(_config: FeedConfig, _client: httpx.AsyncClient, _rng: Random) -> ActiveAlerts:
    """What follows this polled feed."""
    return ActiveAlerts()
