"""Times at the edges: an absurd one is shown as the end of the calendar and keeps nothing from being shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from console.tui.words import clock
from picture import conflicts, differences
from picture.clock import from_ms, rfc3339, to_ms


@pytest.mark.parametrize("at_ms", [0, 1, 1_732_125_845_120, -1, 4_102_444_799_999])
def test_a_time_comes_back_as_it_was(at_ms: int) -> None:
    assert to_ms(from_ms(at_ms)) == at_ms
    assert to_ms(datetime.fromisoformat(rfc3339(at_ms))) == at_ms


@pytest.mark.parametrize(("at_ms", "year"), [(-(10**17), 1), (10**17, 9999), (2**62, 9999), (-(2**62), 1)])
def test_what_lies_beyond_the_calendar_is_shown_at_its_end_in_every_zone(at_ms: int, year: int) -> None:
    shown = from_ms(at_ms)
    assert (shown.year, shown.tzinfo) == (year, UTC) and rfc3339(at_ms)
    for hours in (-12, 14):
        assert shown.astimezone(timezone(timedelta(hours=hours))).year == year


@pytest.mark.parametrize("at_ms", [10**17, -(10**17), 2**62])
def test_a_screen_and_a_difference_show_an_absurd_time_too(at_ms: int) -> None:
    assert len(clock(at_ms)) == 8 and len(differences._clock(at_ms)) == len(conflicts._clock(at_ms)) == 9
