"""What the tests of the outbox share: a core with a real journal, the drill's receiver, alerts to hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.core import Core, Draft
from console.drill.receiver import Receiver
from feeds.ladder import Retry, Slot
from feeds.notify.channels import ChannelsConfig, drill_channels, open_channels
from feeds.outbox import Outbox
from picture.clock import VirtualClock
from picture.entry import Entry
from picture.events import AlertRequested, DeliveryChanged
from picture.journal import BlobStore, SqliteJournal
from picture.model import Alert
from picture.sealing import Keyring, core_signing_key

START_MS = 1_795_348_800_000
SENDER = "ops@port-meridian.example"
RING = ((-1_000_000, 500_000_000), (-990_000, 500_000_000), (-990_000, 500_010_000), (-1_000_000, 500_000_000))


def free(alert: Alert) -> tuple[str, ...]:
    return ()


def alert(name: str = "AL-1", *recipients: tuple[str, str], **values: Any) -> AlertRequested:
    fields: dict[str, Any] = {
        "alert_kind": "agency", "headline": "Old Quay floods at 18:40", "body": "Move crews above 3 m.", **values,
    }  # fmt: skip
    return AlertRequested(id=name, recipients=recipients or (("Harbour control", "drill"),), **fields)


@dataclass
class Desk:
    """One core and its outbox, driven as a headless drill drives them."""

    folder: Path
    receiver: Receiver
    config: ChannelsConfig = field(default_factory=lambda: drill_channels(["drill", "sms"]))
    retry: Retry = field(default_factory=Retry)
    released: Callable[[Alert], tuple[str, ...]] = free

    def __post_init__(self) -> None:
        keyring = Keyring(self.folder / "keys")
        self.journal = SqliteJournal(
            self.folder / "journal", "core-meridian", keyring=keyring,
            signing_key=core_signing_key(self.folder / "keys"), blobs=BlobStore(self.folder / "blobs", keyring),
        )  # fmt: skip
        self.core = Core(journal=self.journal, clock=VirtualClock(START_MS), seed="outbox")
        self.core.restore()
        channels = open_channels("drill", self.config, environ={}, receiver=self.receiver.address)
        self.outbox = Outbox(
            world="drill", channels=channels, cap_sender=SENDER, released=self.released, retry=self.retry
        )
        self.outbox.rebuild(self.core.picture)
        self.core.listen(self.react)

    def react(self, entries: list[Entry]) -> None:
        self.outbox.react(entries, self.core.picture)

    def request(self, *alerts: AlertRequested) -> None:
        self.core.record([Draft(one) for one in alerts])

    def settle(self, until_s: float = 0) -> list[DeliveryChanged]:
        """Hands over and journals all that is due, moving the clock on to what is due within ``until_s``."""
        changes: list[DeliveryChanged] = []
        while (due_ms := self.outbox.next_due_ms()) is not None and due_ms <= START_MS + until_s * 1000:
            self.core.clock.advance_to(due_ms)
            self.outbox.hand_over(self.core.now_ms())
            changes += self.record(self.outbox.results(wait=True))
        return changes

    def record(self, results: list[DeliveryChanged]) -> list[DeliveryChanged]:
        self.core.record([Draft(one) for one in results])
        return results

    def states(self) -> dict[tuple[str, str, str], str]:
        return {
            (name, one.recipient, one.channel): one.state
            for name, alert in self.core.home.alerts.items()
            for one in alert.deliveries
        }

    def key(self, name: str, recipient: str, channel: str) -> str:
        return self.outbox.key(Slot(name, recipient, channel))

    def close(self) -> None:
        """As a crash leaves it: what is on its way is not waited for, nothing more is written."""
        self.outbox.close()
        self.journal.close()
