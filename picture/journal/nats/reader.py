"""Reading a core's stream, or its mirror, from a server; whoever may read may verify."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from picture.entry import Entry, Ref
from picture.errors import JournalError
from picture.journal.blobs import BlobStore
from picture.journal.boxes import unboxed
from picture.journal.chain import Row, decoded
from picture.journal.nats.envelope import Envelope, Message, checked, unpacked
from picture.journal.nats.index import Index
from picture.journal.nats.names import Names, why_unfit
from picture.journal.nats.verify import verify_stream
from picture.journal.nats.wire import PATIENCE_S, Access, Wire
from picture.journal.protocol import START, ChainReport, Durability, Head
from picture.sealing import Keyring

_LOOK_S: Final = 1.0
"""How often a follower looks without having been told: a bell may be lost with the connection."""


class NatsReader:
    """The entries of one stream. Every commit read is checked against the chain, whichever replica gave it."""

    def __init__(
        self,
        wire: Wire,
        names: Names,
        index: Index,
        *,
        keyring: Keyring | None = None,
        blobs: BlobStore | None = None,
    ) -> None:
        """Not to be called: see ``open``."""
        self._wire = wire
        self._names = names
        self._index = index
        self._keyring = keyring
        self._blobs = blobs
        self._grown = asyncio.Event()
        self._refreshing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        access: Access,
        stream: str,
        *,
        mirror: bool = False,
        keyring: Keyring | None = None,
        blobs: BlobStore | None = None,
        cache: Path | None = None,
        patience_s: float = PATIENCE_S,
    ) -> Self:
        """A reader of ``stream``; ``TOC-3141`` without a server, ``TOC-3145`` without the stream."""
        names = Names(stream, mirror)
        wire = await Wire.open(access, patience_s)
        try:
            info = await standing(wire, names)
            index = Index(stream, str(info["created"]), cache)
            reader = cls(wire, names, index, keyring=keyring, blobs=blobs)
            await reader._settle()
            await wire.listen(names.stored, reader._rung)
        except BaseException:
            await wire.close()
            raise
        return reader

    @property
    def stream(self) -> str:
        return self._names.stream

    @property
    def returned(self) -> int:
        """How often the connection was lost and came back."""
        return self._wire.returned

    def be_patient(self, seconds: float) -> None:
        """From now on an answer is waited for this long."""
        self._wire.patience_s = seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets go of the connection; closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._wake()
        await self._wire.close()
        self._index.close()

    async def head(self) -> Head:
        """The newest entry as the stream's leader has it."""
        await self._refresh()
        return self._index.head()

    async def read(
        self, after: int = START, upto: int | None = None, kinds: frozenset[str] | None = None
    ) -> AsyncIterator[Entry]:
        """Entries in order (see ``Journal.read``); ``TOC-3002`` names the first that is not as it was written."""
        upto = (await self.head()).seq if upto is None else upto
        async for row in self.rows(after, upto):
            if kinds is None or row.kind in kinds:
                yield _entry(self.stream, row)

    async def rows(self, after: int, upto: int) -> AsyncIterator[Row]:
        """The same entries as their columns are stored."""
        self._check_open()
        upto = min(upto, self._index.last.last)
        if after >= upto:
            return
        first, last = self._index.holding(after + 1), self._index.holding(upto)
        if first is None or last is None:
            raise JournalError(f"Entry {after + 1} is missing.", code="TOC-3002")
        head = self._index.before(first)
        async for message in self._wire.messages(self._names, first.at - 1, last.at):
            envelope = unpacked(message)
            head = checked(envelope, head)
            for row in envelope.rows:
                if after < row.seq <= upto:
                    yield row

    async def follow(self, after: int = START) -> AsyncIterator[Entry]:
        """Entries after a position and every new one; ends only when the journal is closed."""
        while not self._closed:
            grown = self._grown
            async for entry in self.read(after):
                yield entry
                after = entry.seq
            if self._index.last.last <= after and not self._closed:
                await self._until(grown)

    async def about(self) -> tuple[int, Durability]:
        """Bytes that the stream takes on the server, and what an acknowledged commit survives there."""
        self._check_open()
        info = await standing(self._wire, self._names)
        return int(info["state"]["bytes"]), await self._wire.durability(info)

    async def verify(self) -> ChainReport:
        """What recomputing everything from the stored messages finds."""
        self._check_open()
        return await verify_stream(self._wire, self._names)

    async def open_sealed(self, ref: Ref) -> object | None:
        """The value at a Ref, typed as its event's field; None if its key was destroyed or is not here."""
        if ref.stream != self.stream or (row := await self._row(ref.seq)) is None:
            return None
        return self._unboxed(row, ref.path)

    async def opened(self, entry: Entry) -> dict[str, object]:
        """Every sealed value of an entry that can still be opened, by path."""
        row = await self._row(entry.seq) if entry.sealed else None
        if row is None:
            return {}
        values = ((path, self._unboxed(row, path)) for path in entry.sealed)
        return {path: value for path, value in values if value is not None}

    # --- how ----------------------------------------------------------------------------------------------

    def _unboxed(self, row: Row, path: str) -> object | None:
        return unboxed(self.stream, row, path, keyring=self._keyring, blobs=self._blobs)

    async def _row(self, seq: int) -> Row | None:
        if (row := self._index.sealed(seq)) is not None:
            return row
        async for row in self.rows(seq - 1, seq):
            return row
        return None

    def _check_open(self) -> None:
        if self._closed:
            raise JournalError(code="TOC-3106")

    async def _refresh(self) -> None:
        """Takes in what was stored since."""
        self._check_open()
        async with self._refreshing:
            newest = await self._wire.last(self._names)
            if newest is not None and newest.at > self._index.last.at:
                await self._take_in(newest.at)

    async def _settle(self) -> None:
        """Fills the index at open, afresh where what it held does not fit the stream."""
        newest = await self._wire.last(self._names)
        try:
            await self._check_last(newest)
        except JournalError:
            if not self._index.last.at:
                raise
            self._index.forget()
        if newest is not None:
            await self._take_in(newest.at)
        self._index.save()

    async def _check_last(self, newest: Message | None) -> None:
        known = self._index.last
        if not known.at:
            return
        if newest is None or newest.at < known.at:
            raise JournalError("The stream is shorter than it was.", code="TOC-3002")
        async for message in self._wire.messages(self._names, known.at - 1, known.at):
            checked(unpacked(message), self._index.before(known))
            if unpacked(message).head != known.head:
                raise JournalError("The stream is another.", code="TOC-3002")

    async def _take_in(self, upto: int) -> None:
        async for message in self._wire.messages(self._names, self._index.last.at, upto):
            envelope = unpacked(message)
            checked(envelope, self._index.head())
            self._adopt(envelope)

    def _adopt(self, envelope: Envelope) -> None:
        self._index.add(envelope)
        self._wake()

    def _rung(self) -> None:
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def _until(self, grown: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await grown.wait()
        except TimeoutError:
            return


async def standing(wire: Wire, names: Names) -> dict[str, Any]:
    """State and configuration of a stream that a journal may stand on; ``TOC-3145`` if it may not."""
    info = await wire.info(names)
    if info is None:
        raise JournalError(f"There is no stream {names.on_server}.", code="TOC-3145")
    if why := why_unfit(info["config"]):
        raise JournalError(f"{names.on_server}: {why}.", code="TOC-3145")
    return info


def _entry(stream: str, row: Row) -> Entry:
    try:
        return decoded(stream, row)
    except JournalError as error:
        raise JournalError(f"Entry {row.seq}: {error.detail}", code=error.code) from error
    except (ValueError, TypeError) as error:
        raise JournalError(f"Entry {row.seq} cannot be read.", code="TOC-3002") from error
