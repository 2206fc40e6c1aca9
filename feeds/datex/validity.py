"""Whether a DATEX II record holds at an instant: its status, its overall time and its periods.

Times of day and days of the week within a period are not judged: their zone is not said, so the period counts whole.
"""

from __future__ import annotations

from typing import Final, Literal

from lxml import etree

from feeds import fields
from feeds.datex.places import child, local, words
from feeds.fields import refuse

Holds = Literal["now", "later", "over", "suspended", "between"]
_RECURRING: Final = frozenset({"recurringTimePeriodOfDay", "recurringDayWeekMonthPeriod", "recurringSpecialDay"})


def holds(record: etree._Element, now_ms: int, path: str) -> tuple[Holds, bool]:
    """Whether it holds, and whether only at certain hours or days of a period that does.

    ``active`` holds whatever its times are: the sender has said so. Raises ``InputError`` TOC-2003 without validity.
    """
    validity = child(record, "validity")
    if validity is None:
        refuse(f"{path}.validity", "is missing")
    status = words(child(validity, "validityStatus"))
    if status == "active":
        return "now", False
    if status == "suspended":
        return "suspended", False
    times = child(validity, "validityTimeSpecification")
    if times is None:
        return ("later" if status == "planned" else "now"), False
    start_ms, end_ms = _between(times, "overallStartTime", "overallEndTime", path)
    if end_ms is not None and now_ms >= end_ms:
        return "over", False
    if status == "planned" or (start_ms is not None and now_ms < start_ms):
        return "later", False
    return _in_periods(times, now_ms, path)


def _in_periods(times: etree._Element, now_ms: int, path: str) -> tuple[Holds, bool]:
    valid = [one for one in times if local(one) == "validPeriod"]
    current = [one for one in valid if _contains(one, now_ms, path)]
    if valid and not current:
        return "between", False
    excepted = [one for one in times if local(one) == "exceptionPeriod" and not _recurs(one)]
    if any(_contains(one, now_ms, path) for one in excepted):
        return "between", False
    return "now", bool(current) and all(_recurs(one) for one in current)


def _recurs(period: etree._Element) -> bool:
    return any(local(one) in _RECURRING for one in period)


def _contains(period: etree._Element, now_ms: int, path: str) -> bool:
    start_ms, end_ms = _between(period, "startOfPeriod", "endOfPeriod", path)
    return (start_ms is None or start_ms <= now_ms) and (end_ms is None or now_ms < end_ms)


def _between(element: etree._Element, start: str, end: str, path: str) -> tuple[int | None, int | None]:
    return _moment(child(element, start), f"{path}.{start}"), _moment(child(element, end), f"{path}.{end}")


def _moment(element: etree._Element | None, path: str) -> int | None:
    return fields.instant(words(element), path, naive_is_utc=True) if element is not None else None
