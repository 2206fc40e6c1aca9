"""What only a journal across a network must withstand: lost answers, a second writer, foreign hands, other streams."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from picture.errors import JournalError
from picture.journal import Head
from tests.journal_world import NOON_MS, OPERATOR, PLANTED, STREAM, World, call, log, vessel
from tests.nats_world import SHARED, needs_nats, open_journal

if TYPE_CHECKING:
    from picture.journal.nats import Access
    from picture.journal.nats.wire import Wire

pytestmark = needs_nats


@pytest.fixture
async def world(tmp_path: Path) -> World:
    await SHARED.fresh(tmp_path)
    return World(tmp_path)


@pytest.fixture
async def admin(world: World) -> AsyncIterator[Wire]:
    from picture.journal.nats.wire import Wire

    wire = await Wire.open(SHARED.access("admin"))
    yield wire
    await wire.close()


class Line:
    """A stretch of network between core and server, which can lose what comes back, or break."""

    def __init__(self) -> None:
        self.deaf = False
        """What the server says is lost."""
        self._pipes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.cut()

    def access(self) -> Access:
        from dataclasses import replace

        port = self._server.sockets[0].getsockname()[1]
        return replace(SHARED.access(), servers=(f"nats://127.0.0.1:{port}",))

    async def cut(self) -> None:
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = SHARED.url.rpartition(":")[2]
        back, forth = await asyncio.open_connection("127.0.0.1", int(there))
        for source, sink, lossy in ((reader, forth, False), (back, writer, True)):
            task = asyncio.create_task(self._pipe(source, sink, lossy))
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)

    async def _pipe(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, lossy: bool) -> None:
        try:
            while data := await source.read(1 << 16):
                if not (lossy and self.deaf):
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()
            with contextlib.suppress(OSError):
                await sink.wait_closed()


async def ids_of(journal: Any) -> list[str]:
    return [entry.commit_id async for entry in journal.read() if entry.index == 0]


class TestTheNetwork:
    async def test_commits_whose_answers_were_lost_are_acknowledged_once_the_line_is_back(self, world: World) -> None:
        async with Line() as line, await open_journal(world, line.access()) as journal:
            await journal.append([vessel()], commit_id="c-0")
            line.deaf = True
            asked = [asyncio.create_task(journal.append([vessel(n)], commit_id=f"c-{n}")) for n in range(1, 40)]
            while await stored(world) < 40:
                await asyncio.sleep(0.01)
            await line.cut()
            line.deaf = False
            receipts = await asyncio.gather(*asked)
            assert [receipt.last_seq for receipt in receipts] == list(range(2, 41))
            assert await ids_of(journal) == [f"c-{n}" for n in range(40)]

    async def test_a_commit_given_up_is_not_doubled_when_it_is_appended_again(self, world: World) -> None:
        async with Line() as line, await open_journal(world, line.access(), patience_s=1.0) as journal:
            await journal.append([vessel()], commit_id="c-0")
            line.deaf = True
            with pytest.raises(JournalError) as refused:
                await journal.append([vessel(1)], commit_id="c-1")
            assert refused.value.code in ("TOC-3141", "TOC-3142")
            await line.cut()
            line.deaf = False
            while True:
                try:
                    receipt = await journal.append([vessel(1)], commit_id="c-1")
                    break
                except JournalError as error:
                    assert error.code in ("TOC-3141", "TOC-3142")
            assert (receipt.first_seq, await ids_of(journal)) == (2, ["c-0", "c-1"])
            assert (await journal.verify()).ok

    async def test_over_tls_only_who_shows_a_certificate_of_the_authority_comes_in(
        self, world: World, tmp_path: Path
    ) -> None:
        from dataclasses import replace

        from picture.journal.nats.server import CoreUser, Site, Tls
        from picture.journal.nats.serving import Server, provide
        from tests.nats_certificates import certificates

        ours, other = certificates(tmp_path / "ours"), certificates(tmp_path / "other")
        tls = Tls(certificate=ours / "cert.pem", key=ours / "key.pem", ca=ours / "ca.pem")
        site = Site(name="tls", port=0, cores=(CoreUser(stream=STREAM),), tls=tls)
        server = Server(site, tmp_path / "tls")
        url = server.start().url
        try:
            await provide(site, server.folder, url)
            access = site.access(server.folder, url, STREAM)
            async with await open_journal(world, access) as journal:
                await journal.append([vessel()], commit_id="c-1")
                assert (await journal.verify()).ok
            for strange in (
                replace(access, ca=other / "ca.pem"),
                replace(access, certificate=None, key=None),
                replace(access, certificate=other / "cert.pem", key=other / "key.pem"),
            ):
                with pytest.raises(JournalError) as refused:
                    await open_journal(World(tmp_path / "strange"), strange, patience_s=0.6)
                assert refused.value.code == "TOC-3141"
        finally:
            server.kill()

    async def test_without_a_server_opening_says_where_it_looked(self, world: World) -> None:
        from picture.journal.nats import Access
        from tests.nats_cluster import free_ports

        (port,) = free_ports(1)
        with pytest.raises(JournalError, match=str(port)) as refused:
            await open_journal(world, Access((f"nats://127.0.0.1:{port}",)), patience_s=0.3)
        assert refused.value.code == "TOC-3141"

    async def test_a_commit_larger_than_a_message_is_refused_and_the_next_is_taken(self, world: World) -> None:
        import random

        noise = random.Random(1).randbytes(9 << 20).hex()
        async with await open_journal(world, SHARED.access()) as journal:
            with pytest.raises(JournalError) as refused:
                await journal.append([log(noise[n : n + 15_000]) for n in range(0, 18 << 20, 15_000)], commit_id="c-1")
            assert refused.value.code == "TOC-3144"
            assert (await journal.append([log("short")], commit_id="c-2")).first_seq == 1

    async def test_a_large_commit_travels_compressed_and_reads_back(self, world: World) -> None:
        async with await open_journal(world, SHARED.access()) as journal:
            receipt = await journal.append([vessel(n) for n in range(5000)], commit_id="c-1")
            assert [entry async for entry in journal.read()] == list(receipt.entries)


class TestTheOneWriter:
    async def test_a_handle_that_was_overtaken_is_refused_for_good(self, world: World) -> None:
        first, second = [await open_journal(World(world.folder / name), SHARED.access()) for name in "ab"]
        await first.close()
        first = await open_journal(World(world.folder / "b"), SHARED.access())
        await second.append([vessel(1)], commit_id="c-1")
        for number in (2, 3):
            with pytest.raises(JournalError) as refused:
                await first.append([vessel(number)], commit_id=f"c-{number}")
            assert refused.value.code == "TOC-3103"
        await second.append([vessel(4)], commit_id="c-4")
        assert await ids_of(second) == ["c-1", "c-4"]
        await first.close()
        await second.close()

    async def test_another_core_key_is_refused(self, world: World) -> None:
        async with await open_journal(world, SHARED.access()) as journal:
            await journal.append([vessel()], commit_id="c-1")
        with pytest.raises(JournalError) as refused:
            await open_journal(World(world.folder / "other"), SHARED.access())
        assert refused.value.code == "TOC-3108"

    async def test_a_new_key_that_the_old_one_vouches_for_signs_from_there_on(self, world: World) -> None:
        from picture.sealing import core_signing_key, new_signing_key, public_key_text

        old, new_key = core_signing_key(world.keys), new_signing_key()
        async with await open_journal(world, SHARED.access()) as journal:
            asked = [asyncio.ensure_future(journal.append([vessel(n)], commit_id=f"c-{n}")) for n in range(20)]
            await asyncio.sleep(0)
            (entry,) = await journal.rotate_key(new_key, actor=OPERATOR, recorded_ms=NOON_MS, why="yearly")
            await asyncio.gather(*asked, *(journal.append([vessel(n)], commit_id=f"d-{n}") for n in range(20)))
            assert entry.kind == "key.rotated"
            report = await journal.verify()
        assert (report.ok, report.entries) == (True, 41)
        assert report.public_keys == (public_key_text(old), public_key_text(new_key))
        with pytest.raises(JournalError) as refused:
            await open_journal(World(world.folder), SHARED.access())
        assert refused.value.code == "TOC-3108"

    async def test_the_index_is_filled_again_where_its_file_is_lost_damaged_or_another_streams(
        self, world: World
    ) -> None:
        async with await open_journal(world, SHARED.access()) as journal:
            for number in range(30):
                await journal.append([vessel(number)] * 2, commit_id=f"c-{number}")
        index = world.folder / "index.sqlite"

        def row_lost() -> None:
            with contextlib.closing(sqlite3.connect(index)) as connection, connection:
                connection.execute("DELETE FROM places WHERE first = 21")

        def older() -> None:
            with contextlib.closing(sqlite3.connect(index)) as connection, connection:
                connection.execute("DELETE FROM places WHERE first > 20")

        def another() -> None:
            with contextlib.closing(sqlite3.connect(index)) as connection, connection:
                connection.execute("UPDATE about SET stream = 'core-port'")

        damages: tuple[Callable[[], Any], ...] = (
            lambda: None, index.unlink, lambda: index.write_bytes(b"nonsense" * 999), row_lost, older, another,
        )  # fmt: skip
        for damage in damages:
            damage()
            async with await open_journal(world, SHARED.access()) as journal:
                again = await journal.append([vessel(10)] * 2, commit_id="c-10")
                assert (again.duplicate, again.first_seq, (await journal.head()).seq) == (True, 21, 60)

    async def test_receipts_of_a_server_that_syncs_each_write_say_disk(self, world: World) -> None:
        async with await open_journal(world, SHARED.access()) as journal:
            assert (await journal.append([vessel()], commit_id="c-1")).durability == "disk"

    async def test_receipts_of_a_server_that_does_not_sync_say_process(self, tmp_path: Path) -> None:
        from picture.journal.nats.server import CoreUser, Site
        from picture.journal.nats.serving import Server, provide

        site = Site(name="lazy", port=0, sync_always=False, cores=(CoreUser(stream=STREAM),))
        server = Server(site, tmp_path / "lazy")
        url = server.start().url
        try:
            await provide(site, server.folder, url)
            access = site.access(server.folder, url, STREAM)
            async with await open_journal(World(tmp_path), access) as journal:
                assert (await journal.append([vessel()], commit_id="c-1")).durability == "process"
        finally:
            server.kill()


class TestForeignHands:
    async def test_a_core_may_not_write_change_or_tap_anothers_stream(self, world: World) -> None:
        from picture.journal.nats.wire import Wire

        wire = await Wire.open(SHARED.access("core-port"), patience_s=0.5)
        try:
            for subject in (
                f"tocsin.{STREAM}.commit",
                f"$JS.API.STREAM.DELETE.TOCSIN_{STREAM}",
                f"$JS.API.STREAM.PURGE.TOCSIN_{STREAM}",
                "$JS.API.STREAM.UPDATE.TOCSIN_core-port",
                f"$JS.API.STREAM.MSG.DELETE.TOCSIN_{STREAM}",
                f"$JS.API.CONSUMER.CREATE.TOCSIN_{STREAM}.c",
            ):
                denied = len(wire.denied)
                await wire.client.publish(subject, b"{}")
                async with asyncio.timeout(20):
                    while len(wire.denied) == denied:
                        await asyncio.sleep(0.01)
                with pytest.raises(JournalError) as refused:
                    wire.check_denied(subject, denied)
                assert refused.value.code == "TOC-3143"
        finally:
            await wire.close()
        async with await open_journal(world, SHARED.access()) as journal:
            assert (await journal.append([vessel()], commit_id="c-1")).first_seq == 1

    async def test_a_core_with_anothers_seed_is_told_that_it_may_not_write(self, world: World) -> None:
        async with await open_journal(world, SHARED.access("core-port"), patience_s=3.0) as journal:
            with pytest.raises(JournalError) as refused:
                await journal.append([vessel()], commit_id="c-1")
        assert refused.value.code == "TOC-3143"

    async def test_a_stranger_is_not_let_in(self, world: World, tmp_path: Path) -> None:
        from picture.journal.nats import Access
        from picture.journal.nats.server import public_key, seed_file

        public_key(tmp_path, "stranger")
        with pytest.raises(JournalError) as refused:
            await open_journal(world, Access((SHARED.url,), seed=seed_file(tmp_path, "stranger")), patience_s=2.0)
        assert refused.value.code == "TOC-3143"

    async def test_another_core_of_the_domain_reads_verifies_and_follows_but_opens_nothing(self, world: World) -> None:
        from picture.journal.nats import NatsReader

        async with await open_journal(world, SHARED.access()) as journal:
            receipt = await journal.append([call(), vessel()], commit_id="c-1")
            async with await NatsReader.open(SHARED.access("core-port"), STREAM) as reader:
                assert [entry async for entry in reader.read()] == list(receipt.entries)
                assert (await reader.verify()).ok
                assert await reader.opened(receipt.entries[0]) == {}
                followed = reader.follow(2)
                following = asyncio.ensure_future(anext(followed))
                await journal.append([vessel(7)], commit_id="c-2")
                assert (await following).seq == 3
                await followed.aclose()  # type: ignore[attr-defined]

    async def test_nothing_sealed_crosses_the_network_in_clear(self, world: World, admin: Wire) -> None:
        from picture.journal.nats.names import Names

        async with await open_journal(world, SHARED.access()) as journal:
            await journal.append([call()], commit_id="c-1")
        bodies = [message.body async for message in admin.messages(Names(STREAM), 0, 1)]
        assert not [word for word in PLANTED if word.encode() in bodies[0]]

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda h, b: (h, b.replace(b"211000015", b"211000016")), "content of entry 16"),
            (lambda h, b: (h, b.replace(b'"ais"', b'"aix"')), "Entry 16 was altered"),
            (lambda h, b: (h, b[:-3]), "cannot be read"),
            (lambda h, b: (h | {"Tocsin-Commit": "c-99"}, b), "Entry 16 is not in its place"),
            (lambda h, b: (h | {"Tocsin-Head": "0" * 64}, b), "not as written"),
            (lambda h, b: (h | {"Tocsin-Signature": "AAAA"}, b), "checkpoint at entry 16"),
            (lambda h, b: None, "Entry 16 is missing"),
        ],
        ids=["payload", "envelope", "cut", "commit id", "head", "signature", "left out"],
    )
    async def test_what_an_administrator_altered_is_named(
        self, world: World, admin: Wire, change: Callable[..., Any], why: str
    ) -> None:
        from picture.journal.nats.names import Names
        from picture.journal.nats.verify import verify_stream

        async with await open_journal(world, SHARED.access()) as journal:
            for number in range(30):
                await journal.append([vessel(number)], commit_id=f"c-{number}")
        names = Names(STREAM)
        messages = [message async for message in admin.messages(names, 0, 30)]
        await admin.api(f"STREAM.DELETE.{names.on_server}")
        assert SHARED.site is not None
        from picture.journal.nats.serving import provide

        await provide(SHARED.site, SHARED.folder, SHARED.url)
        for message in messages:
            headers = {name: value for name, value in message.headers.items() if name.startswith("Tocsin-")}
            made = (headers, message.body) if message.at != 16 else change(headers, message.body)
            if made is not None:
                await admin.publish(names.commits, made[1], made[0])
        report = await verify_stream(admin, names)
        assert (report.ok, report.first_bad, report.entries) == (False, 16, 15)
        assert why in report.why
        if "Signature" not in str(change.__code__.co_consts):
            with pytest.raises(JournalError) as refused:
                await open_journal(World(world.folder), SHARED.access())
            assert refused.value.code == "TOC-3002"

    @pytest.mark.parametrize(
        "config",
        [
            {"max_age": 3_600_000_000_000},
            {"max_msgs": 10},
            {"deny_delete": False, "deny_purge": False},
            {"storage": "memory"},
            {"allow_direct": False},
        ],
        ids=str,
    )
    async def test_a_journal_does_not_stand_on_a_stream_that_may_forget(
        self, world: World, admin: Wire, config: dict[str, Any]
    ) -> None:
        from picture.journal.nats.names import Names, stream_config

        names = Names(STREAM)
        await admin.api(f"STREAM.DELETE.{names.on_server}")
        made = await admin.api(f"STREAM.CREATE.{names.on_server}", stream_config(names) | config)
        assert "error" not in made
        with pytest.raises(JournalError) as refused:
            await open_journal(world, SHARED.access())
        assert refused.value.code == "TOC-3145"

    async def test_a_name_that_reaches_other_subjects_is_refused(self) -> None:
        from picture.journal.nats.names import Names

        for name in ("core.*", "a.b", ">", "", "core a", "x" * 65):
            with pytest.raises(JournalError) as refused:
                Names(name)
            assert refused.value.code == "TOC-3146"


async def stored(world: World) -> int:
    """How many entries the server has."""
    from picture.journal.nats import NatsReader

    async with await NatsReader.open(SHARED.access("core-port"), STREAM) as reader:
        head: Head = await reader.head()
        return head.seq


async def test_a_hostile_core_of_the_domain_can_stop_a_stream_and_forge_nothing_in_it(world: World) -> None:
    from picture.journal.nats.names import Names
    from picture.journal.nats.wire import Wire

    async with await open_journal(world, SHARED.access(), patience_s=2.0) as journal:
        await journal.append([vessel(1)], commit_id="c-1")
        known = await journal.head()
        hostile = await Wire.open(SHARED.access("core-port"))
        try:
            await hostile.client.publish("$JS.API.INFO", b"", reply=Names(STREAM).commits)
            await hostile.client.flush()
        finally:
            await hostile.close()
        async with asyncio.timeout(10):
            while (report := await journal.verify()).ok:
                await asyncio.sleep(0.05)
        assert (report.entries, report.head) == (known.seq, known.hash), "what stood stands, and the place is named"
        assert report.first_bad == known.seq + 1
        with pytest.raises(JournalError) as stopped:
            await journal.append([vessel(2)], commit_id="c-2")
        assert stopped.value.code == "TOC-3002"
