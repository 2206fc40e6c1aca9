"""Polled GeoJSON lists whose features are messages of their own: cut apart, and followed for what is new in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from feeds import strict_json
from feeds.base import Limits
from feeds.gather import Gathered, Novelty, Part
from picture.errors import InputError

Feature = dict[str, Any]


def written(feature: Feature) -> bytes:
    """One feature as a message: canonical JSON."""
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")


@dataclass(frozen=True, slots=True)
class FeatureList:
    """How a publisher's list is read; a ``Framer``, so that one unreadable feature does not take the others with it."""

    features: Callable[[Any], list[Feature] | None]
    """The features of a parsed list; None where the document is no such list."""
    limits: Limits

    def cut(self, data: bytes) -> list[Feature] | None:
        """The features of a list; None where the document is to be judged as a whole."""
        try:
            return self.features(strict_json.parse(data, self.limits))
        except InputError:
            return None

    def push(self, data: bytes) -> list[bytes]:
        """A message for each feature, or the whole where it is no list."""
        found = self.cut(data)
        return [data] if found is None else [written(one) for one in found]


class Following:
    """Follows one polled list: what is new in it, and, where leaving it says something, what stands."""

    def __init__(self, lists: FeatureList, part: Callable[[Feature], Part], *, vanishes: bool) -> None:
        """``vanishes``: what is no longer listed is over; else it has only grown old."""
        self._lists, self._part, self._vanishes = lists, part, vanishes
        self._novelty = Novelty()

    async def gather(self, body: bytes) -> Gathered:
        """The list's news, oldest first; what is no such list is one message, which the codec refuses."""
        found = self._lists.cut(body)
        if found is None:
            return Gathered((body,))
        gathered = self._novelty.of(self._part(one) for one in found)
        return gathered if self._vanishes else replace(gathered, listed=None)

    def taken(self, gathered: Gathered) -> None:
        """Remembers what was delivered."""
        self._novelty.taken(gathered)
