"""Reports over a source's quota: one line a source, however many there were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from console.tui import words
from picture.keeping import Counted


def by_source(counted: Iterable[Counted]) -> dict[str, list[Counted]]:
    """What was counted, by source, each in the order of its minutes."""
    found: defaultdict[str, list[Counted]] = defaultdict(list)
    for one in sorted(counted, key=lambda each: each.minute_ms):
        found[one.source].append(one)
    return found


def counted_words(these: list[Counted]) -> str:
    """``214 more reports from citizens, 14:05 to 14:09, Old Harbour; kept, not shown one by one``."""
    total = sum(one.count for one in these)
    span = words.clock(these[0].minute_ms, seconds=False)
    if len(these) > 1:
        span += f" to {words.clock(these[-1].minute_ms, seconds=False)}"
    area = next((one.area for one in reversed(these) if one.area), "")
    return f"{total} more reports ({these[0].lane}), {span}{f', {area}' if area else ''}; kept, not shown one by one"
