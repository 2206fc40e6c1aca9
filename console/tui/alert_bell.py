"""When the bell rings: once for each priority-1 alarm, and again for a life-safety alarm until acknowledged."""

from __future__ import annotations

from collections.abc import Iterable

from console.tui.words import unacknowledged
from picture.model import Alarm

REPEAT_S = 8.0


class AlertBell:
    """Remembers what it rang for. A life-safety alarm cannot be muted: only its acknowledgement ends the ringing."""

    def __init__(self) -> None:
        self._rung: dict[str, float] = {}

    def due(self, alarms: Iterable[Alarm], now_s: float) -> bool:
        """Whether to ring now, for the alarms as they stand; remembers that it did."""
        ring = False
        for alarm in alarms:
            if alarm.priority != 1 and not alarm.life_safety:
                continue
            if not unacknowledged(alarm):
                continue
            before = self._rung.get(alarm.id)
            if before is None or (alarm.life_safety and now_s - before >= REPEAT_S):
                self._rung[alarm.id] = now_s
                ring = True
        return ring
