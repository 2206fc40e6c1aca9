"""How earthquakes arrive: a list of the latest, each of them a message of its own, and again when it was revised."""

from __future__ import annotations

from random import Random
from typing import Final

import httpx

from feeds.base import Framer, Limits
from feeds.config import FeedConfig
from feeds.feature_list import Feature, FeatureList, Following, written
from feeds.gather import Part
from feeds.usgs.codec import features

LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=16, max_parts=2_000_000)


def new_framer() -> Framer:
    """A framer that cuts lists into events."""
    return FeatureList(features, LIMITS)


def new_gatherer(_config: FeedConfig, _client: httpx.AsyncClient, _rng: Random) -> Following:
    """What follows this polled feed: what leaves the list grew old, which says nothing, and never vanishes."""
    return Following(FeatureList(features, LIMITS), _part, vanishes=False)


def _part(feature: Feature) -> Part:
    revised = feature["properties"].get("updated")
    return Part(written(feature), sent_ms=revised if isinstance(revised, int) else 0)
