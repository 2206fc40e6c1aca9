"""How earthquakes arrive: a list of the latest, each of them a message of its own, and again when it was revised."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any, Final

import httpx

from feeds import strict_json
from feeds.base import Framer, Limits
from feeds.config import FeedConfig
from feeds.gather import Gathered, Novelty, Part
from feeds.usgs.codec import features
from picture.errors import InputError

LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=16, max_parts=2_000_000)


def _cut(data: bytes) -> list[dict[str, Any]] | None:
    """The events of a list; None where the document is to be judged as a whole."""
    try:
        return features(strict_json.parse(data, LIMITS))
    except InputError:
        return None


def _written(feature: dict[str, Any]) -> bytes:
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


class ListFramer:
    """Cuts a list into its events, so that one that cannot be read does not take the others with it."""

    def push(self, data: bytes) -> list[bytes]:
        found = _cut(data)
        return [data] if found is None else [_written(one) for one in found]


def new_framer() -> Framer:
    """A framer that cuts lists into events."""
    return ListFramer()


class Latest:
    """Follows one polled list. What leaves it grew old, which says nothing: nothing of it ever vanishes."""

    def __init__(self) -> None:
        self._novelty = Novelty()

    async def gather(self, body: bytes) -> Gathered:
        """Events that are new or were revised since the last list, oldest first."""
        found = _cut(body)
        if found is None:
            return Gathered((body,))
        gathered = self._novelty.of(Part(_written(one), sent_ms=_updated_ms(one)) for one in found)
        return replace(gathered, listed=None)

    def taken(self, gathered: Gathered) -> None:
        """Remembers what was delivered."""
        self._novelty.taken(gathered)


def _updated_ms(feature: dict[str, Any]) -> int:
    value = feature["properties"].get("updated")
    return value if isinstance(value, int) else 0


def new_gatherer(_config: FeedConfig, _client: httpx.AsyncClient, _rng: Random) -> Latest:
    """What follows this polled feed."""
    return Latest()
