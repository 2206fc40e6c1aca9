"""A feed's state from what it did: fetched or not, read or not, old or silent. Changes only; nothing periodic."""

from __future__ import annotations

from dataclasses import replace

from feeds.base import FeedState, Health
from feeds.config import FeedConfig
from feeds.fields import UNREAD
from feeds.intake import Reading


class HealthWatch:
    """Judges one feed. Pure of any clock: every call names its time. Each returns the new health where it changed."""

    def __init__(self, config: FeedConfig, started_ms: int) -> None:
        self._config = config
        self._started_ms = started_ms
        self.health = Health(since_ms=started_ms)
        self._missing = 0

    def arrived(self, reading: Reading, now_ms: int) -> Health | None:
        """After a delivery: ok, old data, or malformed when nothing of it could be read."""
        self._missing += reading.missing
        broken = [each for each in reading.refused if each.error.code != UNREAD]
        if broken and not reading.reports:
            return self._become("malformed", str(broken[-1].error), now_ms)
        self.health = replace(self.health, last_good_ms=now_ms)
        newest = max((report.at_ms for report in reading.reports), default=now_ms)
        limit_s = self._config.data_old_after_s
        if limit_s and now_ms - newest > limit_s * 1000:
            return self._become("data_old", f"newest report is {(now_ms - newest) // 1000} s old", now_ms)
        return self._become("ok", "", now_ms)

    def unchanged(self, now_ms: int) -> Health | None:
        """After a fetch whose answer was that nothing changed: the source is there."""
        self.health = replace(self.health, last_good_ms=now_ms)
        return self._become("ok", "", now_ms) if self.health.state in ("fetch_failed", "silent") else None

    def fetch_failed(self, why: str, now_ms: int) -> Health | None:
        """After a fetch that did not succeed: its answer is missing."""
        self._missing += 1
        return self._become("fetch_failed", why, now_ms)

    def connecting(self, why: str, now_ms: int) -> Health | None:
        """After a connection was lost, or could not be made."""
        return self._become("connecting", why, now_ms)

    def connected(self, why: str, now_ms: int) -> Health | None:
        """After a connection was made; from now on it may be silent."""
        self._started_ms = now_ms
        return self._become("connected", why, now_ms)

    def silent_due_ms(self) -> int | None:
        """When the feed will count as silent if nothing arrives; None where it may be quiet for ever."""
        limit_s = self._config.silent_after_s
        last_ms = max(self._started_ms, self.health.last_good_ms or 0)
        return last_ms + limit_s * 1000 if limit_s else None

    def tick(self, now_ms: int) -> Health | None:
        """At ``silent_due_ms``: silent, unless something arrived meanwhile or it is already known to fail."""
        due_ms = self.silent_due_ms()
        if self.health.state in ("fetch_failed", "connecting", "silent"):
            return None  # what is missing meanwhile is told when it comes back
        if due_ms is None or now_ms < due_ms:
            return self._told_missing()
        return self._become("silent", f"nothing for {self._config.silent_after_s} s", now_ms)

    def _told_missing(self) -> Health | None:
        """The health with its count of lost messages where that has doubled since it was told: never once a minute."""
        if self._missing < max(2 * self.health.missing, 1):
            return None
        why = self.health.why if self.health.state != "ok" else f"{self._missing} messages did not arrive"
        self.health = replace(self.health, missing=self._missing, why=why)
        return self.health

    def _become(self, state: FeedState, why: str, now_ms: int) -> Health | None:
        if state == self.health.state:
            return None
        self.health = Health(state, why, now_ms, self.health.last_good_ms, self._missing)
        return self.health
