"""Only one holds a lease; whoever slept through its end is found out by his token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from picture.errors import JournalError
from tests.journal_world import World
from tests.nats_world import SHARED, needs_nats, open_journal

if TYPE_CHECKING:
    from picture.journal.nats import NatsJournal

pytestmark = needs_nats


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[NatsJournal]:
    await SHARED.fresh(tmp_path)
    async with await open_journal(World(tmp_path), SHARED.access()) as journal:
        yield journal


async def test_a_second_holder_is_refused_until_the_first_lets_go(journal: NatsJournal, tmp_path: Path) -> None:
    fence = await journal.lease(f"outbox-{tmp_path.name}", "core-a", 60)
    with pytest.raises(JournalError, match="core-a holds") as refused:
        await journal.lease(fence.name, "core-b", 60)
    assert refused.value.code == "TOC-3149"
    await journal.release(fence)
    second = await journal.lease(fence.name, "core-b", 60)
    assert second.token > fence.token


async def test_a_lease_that_ran_out_goes_to_the_next_with_a_greater_token(journal: NatsJournal, tmp_path: Path) -> None:
    fence = await journal.lease(f"short-{tmp_path.name}", "core-a", 1)
    while True:
        try:
            second = await journal.lease(fence.name, "core-b", 60)
            break
        except JournalError as error:
            assert error.code == "TOC-3149"
            await asyncio.sleep(0.1)
    assert second.token > fence.token
    with pytest.raises(JournalError) as refused:
        await journal.renew(fence, 60)
    assert refused.value.code == "TOC-3149"
    await journal.release(fence)
    assert (await journal.renew(second, 60)).token == second.token


async def test_renewing_keeps_the_token_and_moves_the_end(journal: NatsJournal, tmp_path: Path) -> None:
    fence = await journal.lease(f"kept-{tmp_path.name}", "core-a", 5)
    renewed = await journal.renew(fence, 60)
    assert (renewed.token, renewed.expires_ms > fence.expires_ms) == (fence.token, True)
    assert (await journal.renew(renewed, 60)).token == fence.token


async def test_of_many_who_ask_at_once_one_gets_it(journal: NatsJournal, tmp_path: Path) -> None:
    asked = (journal.lease(f"many-{tmp_path.name}", f"core-{n}", 60) for n in range(8))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_name_that_is_no_subject_is_refused(journal: NatsJournal) -> None:
    with pytest.raises(JournalError) as refused:
        await journal.lease("outbox.>", "core-a", 5)
    assert refused.value.code == "TOC-3146"
