"""What every journal promises, whatever stores it. A new implementation joins by one line in ``IMPLEMENTATIONS``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picture.entry import Entry
from picture.errors import JournalError
from picture.events import ReportLinked, SensorUpdated
from picture.journal import GENESIS, START, Fence, GroupCommit, Journal
from tests.journal_world import NOON_MS, STREAM, World, assignment, call, log, new, opened, vessel
from tests.nats_world import needs_nats, open_nats

Open = Callable[[Path], AbstractAsyncContextManager[Journal]]


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[Journal]:
    async with GroupCommit(World(folder).open()) as journal:
        yield journal


IMPLEMENTATIONS = [pytest.param(open_sqlite, id="sqlite"), pytest.param(open_nats, id="nats", marks=needs_nats)]


@pytest.fixture(params=IMPLEMENTATIONS)
def open_journal(request: pytest.FixtureRequest) -> Open:
    found: Open = request.param
    return found


async def entries_of(journal: Journal, after: int = START, upto: int | None = None) -> list[Entry]:
    return [entry async for entry in journal.read(after, upto)]


class TestContract:
    async def test_an_empty_journal_stands_at_the_start(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            assert await journal.head() == (STREAM, START, GENESIS)
            assert await entries_of(journal) == []

    async def test_a_receipt_holds_what_reading_gives(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            receipt = await journal.append([opened(), call(), assignment(), vessel()], commit_id="c-1")
            assert (receipt.stream, receipt.first_seq, receipt.last_seq, receipt.duplicate) == (STREAM, 1, 4, False)
            assert await entries_of(journal) == list(receipt.entries)
            assert await journal.head() == (STREAM, 4, receipt.entries[-1].hash)

    async def test_a_receipt_names_its_durability(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            receipt = await journal.append([opened()], commit_id="c-1")
            assert receipt.durability in ("process", "disk", "quorum", "quorum+disk")

    async def test_order_has_no_gap_and_every_entry_names_the_one_before(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        async with open_journal(tmp_path) as journal:
            await asyncio.gather(*(journal.append([vessel(n), vessel(n)], commit_id=f"c-{n}") for n in range(40)))
            entries = await entries_of(journal)
        assert [entry.seq for entry in entries] == list(range(1, 81))
        assert entries[0].prev == GENESIS
        assert all(after.prev == before.hash for before, after in pairwise(entries))

    async def test_a_commit_stands_together_in_its_own_order(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            await asyncio.gather(*(journal.append([vessel(n)] * 3, commit_id=f"c-{n}") for n in range(20)))
            entries = await entries_of(journal)
        for at in range(0, 60, 3):
            assert len({entry.commit_id for entry in entries[at : at + 3]}) == 1
            assert [entry.index for entry in entries[at : at + 3]] == [0, 1, 2]

    async def test_the_same_commit_again_returns_the_first_receipt_even_after_a_restart(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        async with open_journal(tmp_path) as journal:
            first = await journal.append([opened(), call()], commit_id="c-1")
            again = await journal.append([opened(), call()], commit_id="c-1")
            twins = await asyncio.gather(*(journal.append([vessel()], commit_id="c-2") for _ in range(2)))
        async with open_journal(tmp_path) as journal:
            late = await journal.append([vessel()], commit_id="c-1", expect=77)
            assert (await journal.head()).seq == 3
        assert again.duplicate and late.duplicate and not first.duplicate
        assert again.entries == late.entries == first.entries
        assert sorted(twin.duplicate for twin in twins) == [False, True]

    async def test_a_writer_who_expects_another_head_is_refused_and_told_where_it_is(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        async with open_journal(tmp_path) as journal:
            await journal.append([opened()], commit_id="c-1", expect=START)
            with pytest.raises(JournalError, match="at 1, not 0") as refused:
                await journal.append([vessel()], commit_id="c-2", expect=START)
            assert refused.value.code == "TOC-3003"
            assert (await journal.append([vessel()], commit_id="c-2", expect=1)).last_seq == 2

    async def test_of_two_writers_who_expect_the_same_head_one_is_served(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        async with open_journal(tmp_path) as journal:
            both = (journal.append([vessel(n)], commit_id=f"c-{n}", expect=START) for n in range(2))
            outcomes = await asyncio.gather(*both, return_exceptions=True)
            assert sorted(isinstance(outcome, JournalError) for outcome in outcomes) == [False, True]
            assert len(await entries_of(journal)) == 1

    async def test_a_refused_commit_leaves_nothing_and_does_not_hold_up_its_neighbours(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        broken = SensorUpdated(id="S-1", quantity="water_level", unit="m", value=float("nan"))
        async with open_journal(tmp_path) as journal:
            outcomes = await asyncio.gather(
                journal.append([vessel(1)], commit_id="c-1"),
                journal.append([vessel(2), new(broken)], commit_id="c-2"),
                journal.append([vessel(3)], commit_id="c-3"),
                return_exceptions=True,
            )
            assert [isinstance(outcome, JournalError) for outcome in outcomes] == [False, True, False]
            assert [entry.commit_id for entry in await entries_of(journal)] == ["c-1", "c-3"]
            assert (await journal.verify()).ok

    async def test_causes_within_a_commit_become_sequence_numbers(self, open_journal: Open, tmp_path: Path) -> None:
        linked = ReportLinked(incident="I-1", feed="f", report_at_ms=NOON_MS, score_c=1, evidence=(), report_index=1)
        async with open_journal(tmp_path) as journal:
            await journal.append([opened(), vessel()], commit_id="c-1")
            receipt = await journal.append(
                [vessel(), call(), new(linked, cause=(2,), cause_index=(1,))], commit_id="c-2"
            )
        event = receipt.entries[2].event
        assert receipt.entries[2].cause == (2, 4)
        assert isinstance(event, ReportLinked) and event.report_entry == 4

    @pytest.mark.parametrize("field", [{"cause": (3,)}, {"cause": (0,)}, {"cause_index": (1,)}, {"cause_index": (-1,)}])
    async def test_a_cause_must_come_before_its_effect(
        self, open_journal: Open, tmp_path: Path, field: dict[str, Any]
    ) -> None:
        async with open_journal(tmp_path) as journal:
            with pytest.raises(JournalError) as refused:
                await journal.append([opened(), new(vessel().event, **field)], commit_id="c-1")
            assert refused.value.code == "TOC-3104"

    async def test_reading_takes_a_range(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            await journal.append([vessel(n) for n in range(10)], commit_id="c-1")
            assert [entry.seq for entry in await entries_of(journal, 3, 6)] == [4, 5, 6]
            assert [entry.seq for entry in await entries_of(journal, 8)] == [9, 10]
            assert await entries_of(journal, 10) == []

    async def test_reading_gives_only_the_kinds_that_are_asked_for(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            for number in range(9):
                await journal.append([vessel(number), call(), vessel(number), log("l")], commit_id=f"c-{number}")
            every = await entries_of(journal)
            for kinds in (frozenset[str](), {"log.written"}, {"log.written", "vessel.updated"}, {"no.such"}):
                wanted = [entry async for entry in journal.read(3, 31, frozenset(kinds))]
                assert wanted == [entry for entry in every[3:31] if entry.kind in kinds]

    async def test_a_follower_gets_what_was_there_and_then_what_comes(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            await journal.append([vessel(n) for n in range(5)], commit_id="c-0")
            seen: list[int] = []

            async def follow() -> None:
                async with aclosing(journal.follow(2)) as entries:  # type: ignore[type-var]
                    async for entry in entries:
                        seen.append(entry.seq)
                        if entry.seq == 65:
                            return

            follower = asyncio.create_task(follow())
            for number in range(1, 61):
                await journal.append([vessel(number)], commit_id=f"c-{number}")
            await asyncio.wait_for(follower, 10)
        assert seen == list(range(3, 66))

    async def test_a_caller_who_was_cancelled_can_ask_again(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            asked = asyncio.create_task(journal.append([vessel()], commit_id="c-1"))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            receipt = await journal.append([vessel()], commit_id="c-1")
            assert (receipt.first_seq, len(await entries_of(journal))) == (1, 1)

    async def test_a_closed_journal_says_so(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            await journal.append([opened()], commit_id="c-1")
        with pytest.raises(JournalError) as refused:
            await journal.append([vessel()], commit_id="c-2")
        assert refused.value.code == "TOC-3106"

    async def test_a_lease_has_one_holder_until_it_is_released(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            first = await journal.lease(f"outbox-{tmp_path.name}", "core-a", 60)
            with pytest.raises(JournalError, match="core-a holds") as refused:
                await journal.lease(first.name, "core-b", 60)
            assert refused.value.code == "TOC-3149"
            await journal.release(first)
            second = await journal.lease(first.name, "core-b", 60)
            assert (second.holder, second.token > first.token) == ("core-b", True)
            await journal.release(first)  # lost already: it frees nobody else's
            with pytest.raises(JournalError):
                await journal.renew(first, 60)
            assert (await journal.renew(second, 60)).token == second.token

    async def test_a_lease_that_ran_out_goes_to_the_next_with_a_greater_token(
        self, open_journal: Open, tmp_path: Path
    ) -> None:
        async with open_journal(tmp_path) as journal:
            first = await journal.lease(f"short-{tmp_path.name}", "core-a", 1)
            second = None
            while second is None:
                try:
                    second = await journal.lease(first.name, "core-b", 60)
                except JournalError as error:
                    assert error.code == "TOC-3149"
                    await asyncio.sleep(0.1)
            assert second.token > first.token
            with pytest.raises(JournalError) as refused:
                await journal.renew(first, 60)
            assert refused.value.code == "TOC-3149"

    async def test_tokens_go_on_growing_after_a_restart(self, open_journal: Open, tmp_path: Path) -> None:
        tokens = []
        for round_ in range(3):
            async with open_journal(tmp_path) as journal:
                fence = await journal.lease(f"grown-{tmp_path.name}", f"core-{round_}", 60)
                tokens.append(fence.token)
                tokens.append((await journal.lease(fence.name, fence.holder, 60)).token)
                await journal.release(await journal.lease(fence.name, fence.holder, 60))
        assert tokens == sorted(set(tokens))

    async def test_of_many_who_ask_for_a_lease_one_gets_it(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            asked = (journal.lease(f"many-{tmp_path.name}", f"core-{n}", 60) for n in range(8))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(outcome, Fence) for outcome in outcomes) == 1

    async def test_verifying_names_every_entry_and_commit(self, open_journal: Open, tmp_path: Path) -> None:
        async with open_journal(tmp_path) as journal:
            for number in range(7):
                await journal.append([vessel(number), call()], commit_id=f"c-{number}")
            report = await journal.verify()
            assert (report.ok, report.entries, report.commits, report.first_bad) == (True, 14, 7, None)
            assert report.head == (await journal.head()).hash


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
_made = st.one_of(
    st.builds(call, text=_texts), st.builds(vessel, st.integers(0, 99)), st.builds(log, _texts), st.just(assignment())
)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=st.lists(st.lists(_made, min_size=1, max_size=5), max_size=8))
def test_any_commits_read_back_as_they_were_acknowledged(
    implementation: Open, tmp_path_factory: pytest.TempPathFactory, commits: list[list[object]]
) -> None:
    folder = tmp_path_factory.mktemp("world")

    async def write() -> list[Entry]:
        async with implementation(folder) as journal:
            receipts = [await journal.append(made, commit_id=f"c-{n}") for n, made in enumerate(commits)]  # type: ignore[arg-type]
            return [entry for receipt in receipts for entry in receipt.entries]

    async def read() -> list[Entry]:
        async with implementation(folder) as journal:
            assert (await journal.verify()).ok
            return await entries_of(journal)

    assert asyncio.run(write()) == asyncio.run(read())
