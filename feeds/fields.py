"""Single values from outside, read strictly and refused with the name of their field.

Codes: TOC-2003 where a standard's rule is broken, TOC-2009 where a value cannot be in this world.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from difflib import get_close_matches
from typing import Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from picture.clock import to_ms
from picture.errors import InputError

BROKEN: Final = "TOC-2003"
IMPOSSIBLE: Final = "TOC-2009"
UNREAD: Final = "TOC-2006"
E7: Final = 10_000_000
_EARLIEST_MS: Final = 0
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: a later stamp is a broken clock, and would never grow old
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)
M = TypeVar("M", bound=BaseModel)


def refuse(field: str, why: str, code: str = BROKEN) -> NoReturn:
    """Raises ``InputError``: ``field: why``."""
    raise InputError(f"{field}: {why}", code=code)


def instant(value: object, field: str, *, naive_is_utc: bool = False) -> int:
    """Epoch milliseconds of an RFC 3339 time with its zone; fractions below a millisecond are dropped.

    A leap second counts as the second after it. A time without a zone is refused unless the standard says it is UTC.
    """
    match = _STAMP.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 64 else None
    if match is None:
        refuse(field, "not a date and time as in RFC 3339")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    zone = _zone(match, field, naive_is_utc)
    leap = second == 60
    millis = int((match[7] or "0").ljust(3, "0")[:3])
    try:
        moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone)
        at_ms = to_ms(moment) + (1000 if leap else 0) + millis
    except (ValueError, OverflowError):
        refuse(field, "no such date or time")
    if not _EARLIEST_MS <= at_ms <= _LATEST_MS:
        refuse(field, "before 1970 or after 2100", IMPOSSIBLE)
    return at_ms


def _zone(match: re.Match[str], field: str, naive_is_utc: bool) -> timezone:
    if match[8]:
        return UTC
    if match[9] is None:
        if not naive_is_utc:
            refuse(field, "has no time zone")
        return UTC
    offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
    if offset >= timedelta(hours=24):
        refuse(field, "no such time zone")
    return timezone(offset if match[9] == "+" else -offset)


def number(value: object, field: str) -> float:
    """A finite number given as JSON number; true, false and texts are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(field, "not a number")
    try:
        result = float(value)
    except OverflowError:
        refuse(field, "larger than any number we keep", IMPOSSIBLE)
    if not math.isfinite(result):
        refuse(field, "not a finite number", IMPOSSIBLE)
    return result


def decimal(text: str | None, field: str) -> float:
    """A finite number written as text, as in XML; ``1_000``, ``nan`` and digits of other scripts are refused."""
    cleaned = (text or "").strip()
    if len(cleaned) > 40 or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", cleaned, re.ASCII):
        refuse(field, "not a number")
    return number(float(cleaned), field)


def e7(lon: float, lat: float, field: str) -> tuple[int, int]:
    """(lon, lat) in degrees as integer 1e-7 degrees; outside the globe is TOC-2009."""
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        refuse(field, "not on the globe (longitude within ±180, latitude within ±90)", IMPOSSIBLE)
    return round(lon * E7), round(lat * E7)


def degrees(value_e7: int) -> str:
    """Degrees of an integer 1e-7 position, written exactly and without needless zeros: ``-3.7122472``."""
    whole, rest = divmod(abs(value_e7), E7)
    sign = "-" if value_e7 < 0 else ""
    return f"{sign}{whole}.{rest:07d}".rstrip("0").rstrip(".") if rest else f"{sign}{whole}"


def text(value: object, field: str, limit: int) -> str:
    """A text of at most ``limit`` characters, as it came; a longer one is refused, never cut."""
    if not isinstance(value, str):
        refuse(field, "not a text")
    if len(value) > limit:
        refuse(field, f"longer than {limit} characters ({len(value)})")
    return value


def shortened(value: str, limit: int) -> str:
    """The text, cut with an ellipsis where it is longer; for words to be read, never for a name that identifies."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


def build(model: type[M], field: str, **values: object) -> M:
    """A report of these values; what the model refuses is TOC-2003 with the field's name."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        path = ".".join(part for part in (field, where) if part)
        raise InputError(f"{path}: {first['msg']}", code=BROKEN) from None


def near(word: str, known: object) -> str:
    """``; did you mean 'x'?`` where one of the known words is close, else nothing."""
    close = get_close_matches(word[:80], [str(each) for each in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean {close[0]!r}?" if close else ""
