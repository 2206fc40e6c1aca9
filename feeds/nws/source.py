"""How NWS alerts arrive: a list of all that are in force, each of them a message of its own."""

from __future__ import annotations

from random import Random
from typing import Final

import httpx

from feeds import fields
from feeds.base import Framer, Limits
from feeds.config import FeedConfig
from feeds.feature_list import Feature, FeatureList, Following, written
from feeds.gather import Part
from feeds.nws.codec import features
from picture.errors import InputError

LIMITS: Final = Limits(max_bytes=16 * 1024 * 1024, max_depth=24, max_parts=2_000_000)


def new_framer() -> Framer:
    """A framer that cuts lists into alerts."""
    return FeatureList(features, LIMITS)


def new_gatherer(_config: FeedConfig, _client: httpx.AsyncClient, _rng: Random) -> Following:
    """What follows this polled feed."""
    return Following(FeatureList(features, LIMITS), _part, vanishes=True)


def _part(feature: Feature) -> Part:
    values, raw = feature["properties"], written(feature)
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
