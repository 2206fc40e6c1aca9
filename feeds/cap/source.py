"""How CAP arrives: an alert a delivery, or an Atom or RSS feed of alerts; a polled feed's links are followed.

Links are followed to the feed's own hosts only, without redirects, each answer within the limit of one alert.
"""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random
from typing import Final
from urllib.parse import urlsplit

import httpx

from feeds.base import Framer
from feeds.cap import bulletin
from feeds.cap.bulletin import Item
from feeds.config import FeedConfig
from feeds.gather import Gathered, Novelty, Part
from feeds.poll import Poller
from picture.errors import InputError

LINKED_BYTES: Final = 512 * 1024
MAX_FETCHES: Final = 200
"""Linked alerts fetched in one round; the others wait for the next."""
_MAX_FAILURES: Final = 3
_FIRST: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")


class BulletinFramer:
    """Cuts an Atom or RSS feed into the alerts that stand in it; anything else is one message."""

    def push(self, data: bytes) -> list[bytes]:
        first = _FIRST.search(data[:4096])
        if first is None or first[1] not in (b"feed", b"rss"):
            return [data]
        try:
            items = bulletin.read(data)
        except InputError:
            return [data]  # refused by the codec, with the reason
        if items is None or any(not item.alert for item in items):
            return [data]
        return [item.alert for item in items]


def new_framer() -> Framer:
    """A framer that cuts feeds into alerts."""
    return BulletinFramer()


class Bulletins:
    """Follows one polled feed. Remembers what each link gave while it is listed, so that it is asked for once."""

    def __init__(self, config: FeedConfig, client: httpx.AsyncClient, rng: Random) -> None:
        self._client, self._rng = client, rng
        self._scheme = urlsplit(config.url).scheme
        self._hosts = frozenset(config.hosts) or frozenset({urlsplit(config.url).netloc.rpartition("@")[2]})
        self._fetched: dict[Item, bytes] = {}
        self._novelty = Novelty()

    async def gather(self, body: bytes) -> Gathered:
        """The feed's news, linked alerts fetched; ``why`` names what could not be."""
        try:
            items = bulletin.read(body)
        except InputError:
            items = None
        if items is None:
            alone = bulletin.part(body)
            return Gathered((body,)) if alone.name is None else replace(self._novelty.of([alone]), listed=None)
        self._fetched = {item: self._fetched[item] for item in items if item in self._fetched}
        why = await self._fetch([item for item in items if item.link and item not in self._fetched])
        raws = [item.alert or self._fetched.get(item, b"") for item in items]
        parts: list[Part] = [bulletin.part(raw) for raw in raws if raw]
        return self._novelty.of(parts, why)

    def taken(self, gathered: Gathered) -> None:
        """Remembers what was delivered."""
        self._novelty.taken(gathered)

    async def _fetch(self, items: list[Item]) -> str:
        missing: list[str] = []
        failures = 0
        for item in items[:MAX_FETCHES]:
            why = self._foreign(item.link)
            if not why and failures < _MAX_FAILURES:
                poller = Poller(
                    self._client, item.link, interval_s=1, max_bytes=LINKED_BYTES, rng=self._rng,
                    accept=bulletin.CAP_TYPE,
                )  # fmt: skip
                fetched = await poller.fetch()
                if fetched.outcome == "new":
                    self._fetched[item] = fetched.body
                    continue
                failures += 1
                why = fetched.why
            missing.append(why or "not tried after the failures before it")
        left = len(items) - MAX_FETCHES
        words = f"{len(missing)} of {len(items)} linked alerts: {missing[0]}" if missing else ""
        return "; ".join(filter(None, (words, f"{left} linked alerts wait for the next round" if left > 0 else "")))

    def _foreign(self, link: str) -> str:
        """Why a link is not followed; empty where it is."""
        try:
            found = urlsplit(link)
        except ValueError:
            return "a link that is none"
        if found.netloc not in self._hosts:
            return f"the host {found.netloc[:80]!a} is not among the feed's hosts"
        if found.scheme != self._scheme and found.scheme != "https":
            return f"a link by {found.scheme[:10]!a}"
        return ""


def new_gatherer(config: FeedConfig, client: httpx.AsyncClient, rng: Random) -> Bulletins:
    """What follows this polled feed."""
    return Bulletins(config, client, rng)
