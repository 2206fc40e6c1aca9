"""Questions about the past, answered in a client's clearance and in a thread: how it looked, what happened then."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from console.core import Core, Draft
from console.gate import Seat
from console.views import View
from console.web.fanout import Client, Fanout, Place
from console.web.frames import Frame, encode, refs_in
from picture import events as ev
from picture.errors import RefusedError
from picture.fold import Picture
from picture.history import History
from picture.journal.projections import words_of

MOST = 1 << 62
"""Larger numbers are no entry's and no time's, and no database's either."""


class AskPast(BaseModel):
    """``{"type": "past", "id": n, "seq": S}`` or with ``at_ms``: the picture as it was known then."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: Literal["past"]
    id: int
    seq: int | None = Field(default=None, ge=0, le=MOST)
    at_ms: int | None = Field(default=None, ge=-MOST, le=MOST)

    @model_validator(mode="after")
    def _one(self) -> AskPast:
        if (self.seq is None) == (self.at_ms is None):
            raise ValueError("give seq or at_ms")
        return self


class AskJournal(BaseModel):
    """``{"type": "journal", "id": n, "after": S, "limit": N}``: the entries after one, a line each, for stepping."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: Literal["journal"]
    id: int
    after: int = Field(default=0, ge=0, le=MOST)
    limit: int = Field(default=50, ge=1, le=500)


class Past:
    """Answers for one core. Reading is done in a thread; what was read is journalled on the loop."""

    def __init__(self, core: Core, fanout: Fanout, history: History) -> None:
        self._core, self._fanout, self._history = core, fanout, history

    async def answer(self, ask: AskPast | AskJournal, client: Client) -> str:
        """The answer's frame; ``RefusedError`` for a locked client or an instant that is not there."""
        if client.seat.locked:
            raise RefusedError(code="TOC-4037")
        view = await self._fanout.views.view(client.seat.clearance)
        if isinstance(ask, AskJournal):
            lines = await asyncio.to_thread(self._lines, ask, view.clearance.withheld)
            return encode({"type": "journal", "id": ask.id, "ok": True, "entries": lines}, self._core.home.world)
        present = (await self._fanout.views.view("full")).copy()
        frame, fresh = await asyncio.to_thread(self._picture, ask, view, client, present)
        if client.seat.locked:
            raise RefusedError(code="TOC-4037")
        self._note_read(client.seat, fresh, frame["seq"])
        return await asyncio.to_thread(encode, frame, self._core.home.world)

    def _picture(self, ask: AskPast, view: View, client: Client, present: Picture) -> tuple[Frame, set[Place]]:
        """The answer, and which of its values this session reads for the first time and stand on no present picture."""
        seq = self._history.seq_at(ask.at_ms) if ask.at_ms is not None else (ask.seq or 0)
        picture = view.past(self._history, seq)
        told = self._fanout.told(picture.as_json(), client.channel[1])
        frame = {"type": "past", "id": ask.id, "ok": True, "seq": seq, "at_ms": picture.home.at_ms, **told}
        fresh = {(str(one[0]), int(one[1]), str(one[2])) for one in told["opened"]} - client.seat.read
        if fresh:
            fresh -= set(refs_in(present.as_json(), frozenset(present.streams)))
        return frame, fresh

    def _lines(self, ask: AskJournal, withheld: frozenset[str]) -> list[Frame]:
        entries = self._history.entries(ask.after, ask.after + ask.limit)
        return [
            {
                "seq": one.seq,
                "at_ms": one.recorded_ms,
                "kind": one.kind,
                "words": "" if one.kind in withheld else words_of(one.event.model_dump(mode="json")),
            }
            for one in entries
        ]

    def _note_read(self, seat: Seat, fresh: set[Place], seq: int) -> None:
        """One entry for the values that were read, once a session."""
        fresh -= seat.read
        if fresh:
            seat.read |= fresh
            event = ev.ValueRead(refs=tuple(sorted(fresh)), why=f"the picture after entry {seq}")
            self._core.record([Draft(event)], actor=seat.person.actor)
