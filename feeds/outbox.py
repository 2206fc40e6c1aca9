"""The outbox: alerts on the picture become hand-overs to gateways, and what came of them becomes entries.

It holds no fact of its own. What is due follows from the picture: a delivery that is queued, or failed and not given
up. After a crash the same is due again, under the same keys, so that a receiver can drop what it already has.

One thread (the core's) calls everything here and never waits on a gateway; only ``results(wait=True)`` does so.
Each channel has its own bounded pool of threads. A delivery leaves the outbox when a thread is free for it, not before,
so that it is checked against the picture of that moment.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable

from feeds.ladder import RUNGS, Retry, Rung, Slot, idempotency_key
from feeds.lanes import Flight, Lanes
from feeds.notify.channels import Channels
from feeds.notify.message import Outgoing, World, references_of
from feeds.notify.sink import Outcome
from picture.entry import Entry
from picture.errors import RefusedError
from picture.events import AlertEnded, AlertRequested, DeliveryChanged
from picture.fold import Picture
from picture.model import Alert, Delivery

Released = Callable[[Alert], tuple[str, ...]]
"""Nothing where the alert may leave now, else the difference (``feeds.release.still_released``)."""
CEILING_S = 120.0
"""How long ``results(wait=True)`` waits at most; what is outstanding then counts as unanswered."""


class Outbox:
    """Delivers the alerts of one core's own stream through the channels of its world."""

    def __init__(
        self,
        *,
        world: World,
        channels: Channels,
        cap_sender: str,
        released: Released,
        retry: Retry | None = None,
        on_result: Callable[[], None] | None = None,
    ) -> None:
        if channels.world != world:
            raise RefusedError(f"they are for {channels.world}, this is {world}", code="TOC-7103")
        self._world: World = world
        self._cap_sender = cap_sender
        self._released = released
        self._retry = retry or Retry()
        self._lanes = Lanes(channels, on_result)
        self._picture: Picture | None = None
        self._due: dict[Slot, int] = {}
        self._lines: dict[str, list[tuple[int, Slot]]] = {}
        """Channel -> heap of what is due; holds stale pairs too, which ``_due`` tells apart."""
        self._slots: dict[str, Slot] = {}
        self._flights: dict[Slot, Flight] = {}
        self._unwritten: set[Slot] = set()
        """Answered, and not yet seen as an entry: not due whatever the picture says."""
        self._settled: list[DeliveryChanged] = []
        self._now_ms = 0

    # --- what is due ------------------------------------------------------------------------------------------------

    def rebuild(self, picture: Picture) -> None:
        """Takes up whatever the picture leaves unfinished: call once, when a core starts."""
        self._picture = picture
        for alert in picture.home.alerts.values():
            self._note(alert)

    def react(self, entries: Iterable[Entry], picture: Picture) -> None:
        """Notes what entries just folded make due, or settle. Sends nothing."""
        self._picture = picture
        touched: dict[str, None] = {}
        for entry in entries:
            event = entry.event
            if entry.stream != picture.home_stream:
                continue
            if isinstance(event, AlertRequested):
                touched[event.id] = None
            elif isinstance(event, DeliveryChanged):
                self._unwritten.discard(Slot(event.alert, event.recipient, event.channel))
                touched[event.alert] = None
            elif isinstance(event, AlertEnded):
                touched[event.id] = None
        for name in touched:
            if (alert := picture.home.alerts.get(name)) is not None:
                self._note(alert)

    def _note(self, alert: Alert) -> None:
        for delivery in alert.deliveries:
            slot = Slot(alert.id, delivery.recipient, delivery.channel)
            self._slots.setdefault(self.key(slot), slot)
            due_ms = self._due_ms(slot, delivery)
            if due_ms is None:
                self._due.pop(slot, None)
            elif self._due.get(slot) != due_ms:
                self._due[slot] = due_ms
                heapq.heappush(self._lines.setdefault(slot.channel, []), (due_ms, slot))

    def _due_ms(self, slot: Slot, delivery: Delivery) -> int | None:
        if slot in self._flights or slot in self._unwritten:
            return None
        if delivery.state == "queued":
            return delivery.at_ms
        if delivery.state == "failed":
            return delivery.at_ms + self._retry.wait_ms(delivery.attempts, self.key(slot))
        return None

    def key(self, slot: Slot) -> str:
        """The idempotency key of a delivery."""
        stream = self._picture.home_stream if self._picture is not None else ""
        return idempotency_key(self._world, stream, slot)

    def _first(self, channel: str) -> tuple[int, Slot] | None:
        """The head of a channel's line; what was settled or put off since it was noted is dropped on the way."""
        line = self._lines[channel]
        while line and self._due.get(line[0][1]) != line[0][0]:
            heapq.heappop(line)
        return line[0] if line else None

    def next_due_ms(self) -> int | None:
        """When ``hand_over`` has something to do; None while nothing is due or every due channel's pool is full."""
        heads = [self._first(channel) for channel in self._lines if self._lanes.room(channel)]
        return min((head[0] for head in heads if head is not None), default=None)

    @property
    def outstanding(self) -> int:
        """Calls on their way, and answers not yet fetched by ``results``."""
        return len(self._flights) + len(self._settled)

    # --- handing over -----------------------------------------------------------------------------------------------

    def hand_over(self, now_ms: int) -> None:
        """Gives what is due to the channels' threads, as many as are free. Returns at once."""
        self._now_ms = now_ms
        verdicts: dict[str, str] = {}
        for channel, line in sorted(self._lines.items()):
            while self._lanes.room(channel) and (head := self._first(channel)) is not None and head[0] <= now_ms:
                heapq.heappop(line)
                del self._due[head[1]]
                self._start(head[1], verdicts)

    def _start(self, slot: Slot, verdicts: dict[str, str]) -> None:
        alert, delivery = self._alerts()[slot.alert], self._delivery(slot)
        if delivery is None:
            return
        if slot.alert not in verdicts:
            verdicts[slot.alert] = self._why_not(alert)
        why = verdicts[slot.alert]
        channel = self._lanes.channel(slot.channel)
        if why or channel is None:
            if self._world == "whatif":
                why = "TOC-4021 a what-if sends nothing"
            why = why or f"TOC-7101 there is no channel {slot.channel} in this world"
            self._unwritten.add(slot)
            self._settled.append(_changed(slot, "dead", delivery.attempts, why))
            return
        flight = self._flights[slot] = Flight(slot, delivery.attempts + 1)
        self._lanes.start(channel, flight, self._outgoing(alert, slot))

    def _why_not(self, alert: Alert) -> str:
        if alert.status != "active":
            return f"the alert was {alert.status} before it was handed over"
        if alert.expires_ms is not None and alert.expires_ms <= self._now_ms:
            return "it expired before it was handed over"
        return "; ".join(self._released(alert))

    def _outgoing(self, alert: Alert, slot: Slot) -> Outgoing:
        alerts = self._alerts().values()
        return Outgoing(
            alert,
            slot.recipient,
            slot.channel,
            self.key(slot),
            self._world,
            self._cap_sender,
            references_of(alert, alerts, self._cap_sender),
        )

    # --- what came of it --------------------------------------------------------------------------------------------

    def results(self, wait: bool = False, *, ceiling_s: float = CEILING_S) -> list[DeliveryChanged]:
        """What came of hand-overs since the last call, sorted by alert, recipient and channel; journal all of it.

        With ``wait`` it returns when nothing is outstanding and nothing more was due at the time of the last
        ``hand_over``; what has not answered after ``ceiling_s`` real seconds counts as failed.
        """
        changes, self._settled = self._settled, []
        deadline = time.monotonic() + ceiling_s
        while True:
            for flight, outcome in self._lanes.landed(deadline if wait and self._flights else None):
                changes += self._came(flight, outcome)
            if not wait:
                break
            self.hand_over(self._now_ms)  # a thread became free
            changes += self._settled
            self._settled = []
            if not self._flights:
                break
            if time.monotonic() >= deadline:
                for flight in list(self._flights.values()):
                    changes += self._came(flight, Outcome("failed", "no answer"))
                break
        return sorted(changes, key=lambda one: (one.alert, one.recipient, one.channel, RUNGS[one.state]))

    def _came(self, flight: Flight, outcome: Outcome) -> list[DeliveryChanged]:
        """The changes that one answer makes: none if it was given up on before, or a receipt has said more already."""
        slot, attempts = flight.slot, flight.attempts
        if self._flights.get(slot) is not flight:
            return []
        del self._flights[slot]
        states: list[Rung] = ["handed_over", "delivered"] if outcome.state == "delivered" else [outcome.state]
        detail = outcome.detail
        if outcome.state == "failed" and attempts >= self._retry.attempts:
            states, detail = ["dead"], f"{detail}; given up after {attempts} attempts"
        rank = self._rank(slot)
        changes = [_changed(slot, state, attempts, detail) for state in states if RUNGS[state] > rank or rank == 0]
        if changes:
            self._unwritten.add(slot)
        return changes

    def receipt(self, key: str, state: Rung, detail: str = "") -> DeliveryChanged | None:
        """The change that a receipt or an answer makes (delivered, seen, accepted); None where it says nothing new."""
        slot = self._slots.get(key)
        delivery = self._delivery(slot) if slot is not None else None
        if slot is None or delivery is None or RUNGS[state] <= self._rank(slot):
            return None
        return _changed(slot, state, delivery.attempts, detail)

    def _alerts(self) -> dict[str, Alert]:
        return self._picture.home.alerts if self._picture is not None else {}

    def _delivery(self, slot: Slot) -> Delivery | None:
        alert = self._alerts().get(slot.alert)
        found = (one for one in alert.deliveries if (one.recipient, one.channel) == slot[1:]) if alert else ()
        return next(iter(found), None)

    def _rank(self, slot: Slot) -> int:
        delivery = self._delivery(slot)
        return RUNGS[delivery.state] if delivery is not None else 0

    def close(self) -> None:
        """Stops handing over. What is on its way ends in its own time and is due again at the next start."""
        self._lanes.close()


def _changed(slot: Slot, state: Rung, attempts: int, detail: str) -> DeliveryChanged:
    return DeliveryChanged(
        alert=slot.alert, recipient=slot.recipient, channel=slot.channel, state=state, attempts=attempts, detail=detail
    )
