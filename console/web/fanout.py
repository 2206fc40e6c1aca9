"""What a core tells its clients: every entry encoded once, shared by all clients of a clearance.

Clients of one clearance form a channel. Entries that come close together travel in one frame, at most ``TICK_S`` late;
the first after a pause goes at once. A client that does not read keeps nobody waiting: what waits for it is bounded,
and past that it is let go and resumes by its cursor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from console.canary import SILENT_S
from console.clearance import CLEARANCES
from console.core import Core
from console.gate import Seat
from console.views import View, Views
from console.web.frames import NEVER_SENT, Frame, encode, entry_frame, refs_in, withheld_frame
from picture.entry import Entry, Ref

Place = tuple[str, int, str]
"""(stream, seq, path) of a sealed value."""
TICK_S = 0.025
QUEUE_FRAMES = 2_000
"""Frames a client may lag behind before it is let go."""
QUEUE_BYTES = 16 << 20
"""What may wait for one client, and one frame more, however large; the text itself is shared by all of a channel."""


class Client:
    """What waits to be sent to one client, and where it sits."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.gone = False
        self.heard_s = time.monotonic()
        """When its newest frame came."""
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_FRAMES)
        self._bytes = 0

    @property
    def channel(self) -> tuple[str, bool]:
        """(clearance, whether sealed values travel opened): a locked client follows without them."""
        return self.seat.clearance, CLEARANCES[self.seat.clearance].sealed and not self.seat.locked

    @property
    def silent(self) -> bool:
        """Whether it is connected and says nothing: every client beats each second."""
        return not self.gone and time.monotonic() - self.heard_s > SILENT_S

    def put(self, text: str) -> None:
        """Queues a frame; where there is no room the client is let go and what waited is dropped."""
        if self.gone:
            return
        if self._waiting.full() or self._bytes > QUEUE_BYTES:
            self.let_go()
            return
        self._bytes += len(text)
        self._waiting.put_nowait(text)

    def let_go(self) -> None:
        """Drops what waits and ends the connection."""
        self.gone = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def next(self) -> str | None:
        """The next frame; None once the client was let go."""
        text = await self._waiting.get()
        self._bytes -= len(text or "")
        return text


class _Spelled(NamedTuple):
    clear: str
    opened: str
    """The same text where nothing was sealed."""
    withheld: str


class Fanout:
    """Tells every client what its clearance may know. Lives on the core's loop; nothing here waits for a client."""

    def __init__(self, core: Core, tell_time: Callable[[], Frame]) -> None:
        self.views = Views(core)
        self.clients: set[Client] = set()
        self.encoded = 0
        """Entries spelled so far, however many clients there were."""
        self._core = core
        self._time = tell_time
        self._pending: list[Entry] = []
        self._flushed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._snapshots: dict[tuple[str, bool], tuple[dict[str, int], str]] = {}
        core.listen(self.publish)
        core.follow_with(self.publish)

    def join(self, client: Client) -> None:
        """From the next entry on this client is told; flushes first, so that its greeting fits."""
        self.flush()
        self.clients.add(client)

    def dismiss(self, client: Client) -> None:
        """Ends a client's connection; it may come back if the gate lets it."""
        client.let_go()
        self.clients.discard(client)

    def send_all(self, text: str) -> None:
        for client in list(self.clients):
            self._put(client, text)

    def _put(self, client: Client, text: str) -> None:
        client.put(text)
        if client.gone:
            self.clients.discard(client)

    # --- entries --------------------------------------------------------------------------------------------

    def publish(self, entries: Sequence[Entry]) -> None:
        """Listener of the core."""
        self.views.take(entries)
        if not self.clients:
            return
        self._pending.extend(entries)
        if self._timer is None:
            wait_s = self._flushed_s + TICK_S - time.monotonic()
            if wait_s <= 0:
                self.flush()
            else:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self.flush)

    def flush(self) -> None:
        """Sends what waits: one frame per channel."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        entries, self._pending = self._pending, []
        if not entries:
            return
        self._flushed_s = time.monotonic()
        spelled = [self._spelled(entry) for entry in entries]
        frames: dict[tuple[str, bool], str] = {}
        for client in list(self.clients):
            channel = client.channel
            if channel not in frames:
                frames[channel] = self._frame(entries, spelled, channel)
            self._put(client, frames[channel])

    def entries(self, entries: Sequence[Entry], channel: tuple[str, bool], view: View) -> str:
        """The frame of these entries for one channel, as for somebody who comes back by cursor.

        Opened is what stands on the present view, as in a snapshot: older values are the past's, and reading those
        is journalled. A cursor is the client's word, and must not be a way round that.
        """
        present: frozenset[Place] = frozenset()
        if channel[1] and any(entry.sealed for entry in entries):
            picture = view.copy().as_json()
            present = frozenset(refs_in(picture, frozenset(picture)))
        return self._frame(entries, [self._spelled(entry, present) for entry in entries], channel)

    def _spelled(self, entry: Entry, only: Collection[Place] | None = None) -> _Spelled:
        self.encoded += 1
        clear = encode(entry_frame(entry, {}))
        opened = clear
        if entry.sealed and entry.stream == self._core.home.stream:  # others' keys are not here
            values = {
                path: value
                for path, value in self._core.journal.opened(entry).items()
                if path not in NEVER_SENT and (only is None or (entry.stream, entry.seq, path) in only)
            }
            # ``opened`` is the last key of a frame: the rest need not be spelled twice.
            opened = f"{clear[: -len('{}}')]}{encode(values)}}}"
        return _Spelled(clear, opened, encode(withheld_frame(entry)))

    def _frame(self, entries: Iterable[Entry], spelled: Iterable[_Spelled], channel: tuple[str, bool]) -> str:
        name, unsealed = channel
        withheld, home = CLEARANCES[name].withheld, self._core.home.stream
        own_only = CLEARANCES[name].without is None  # such a view is folded from this core's journal alone
        texts = [
            text.withheld if entry.kind in withheld else text.opened if unsealed else text.clear
            for entry, text in zip(entries, spelled, strict=True)
            if not own_only or entry.stream == home
        ]
        return f'{{"type":"entries","entries":[{",".join(texts)}],{encode(self._time())[1:]}'

    # --- whole pictures -------------------------------------------------------------------------------------

    def snapshot(self, view: View, channel: tuple[str, bool]) -> str:
        """The view with what may be read of it; the same text for all who ask while nothing happens."""
        known = self._snapshots.get(channel)
        cursor = self._core.picture.cursor
        if known is not None and known[0] == cursor:
            return known[1]
        text = encode({"type": "snapshot", **self.told(view.copy().as_json(), channel[1]), **self._time()})
        self._snapshots[channel] = (cursor, text)
        return text

    def told(self, picture: dict[str, Any], unsealed: bool) -> Frame:
        """A picture's JSON as a frame carries it, with its sealed values opened for those who may read them."""
        opened = []
        if unsealed:
            for stream, seq, path in sorted(set(refs_in(picture, frozenset(picture)))):
                value = None if path in NEVER_SENT else self._core.opened(Ref(stream, seq, path))
                if value is not None:
                    opened.append([stream, seq, path, value])
        return {"home": self._core.picture.home_stream, "picture": picture, "opened": opened}

    # --- the same picture everywhere ------------------------------------------------------------------------

    async def tell_digests(self) -> None:
        """Has every client compare its picture with its view: marks an entry, digests the view there in a thread."""
        for name in sorted({client.seat.clearance for client in self.clients}):
            view = await self.views.view(name)
            self.flush()
            picture, asked = view.copy(), [one for one in self.clients if one.seat.clearance == name]
            mark = encode({"type": "mark", "cursor": picture.cursor}, self._core.home.world)
            for client in asked:
                self._put(client, mark)
            digest = await asyncio.to_thread(picture.digest)
            told = encode({"type": "digest", "cursor": picture.cursor, "view_digest": digest}, self._core.home.world)
            for client in asked:
                if client in self.clients:
                    self._put(client, told)
