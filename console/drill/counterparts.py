"""The other control rooms of an exercise: they answer our Requests by their own messages, over their own feeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from console.core import Core, Draft
from console.drill.scenario import Reaction, Reply
from picture import events as ev
from picture.clock import rfc3339
from picture.entry import Entry

Deliver = Callable[[str, bytes], object]
"""(feed id, bytes) as if they had come over that feed."""


class Counterparts:
    """Plays everybody we may only ask, never command."""

    def __init__(self, core: Core, reactions: Sequence[Reaction], deliver: Deliver) -> None:
        self._core = core
        self._reactions = list(reactions)
        self._used: set[int] = set()
        self._deliver = deliver

    def react(self, entries: Sequence[Entry]) -> list[Draft]:
        """Reactor: a request made is answered by the first reaction that fits."""
        for entry in entries:
            if isinstance(entry.event, ev.RequestMade):
                self._answer(entry.event, entry.recorded_ms)
        return []

    def resume(self, asked: Iterable[Entry]) -> None:
        """After a restart: what they have yet to say to these ``request.made`` entries is said when it was due."""
        for entry in asked:
            if isinstance(entry.event, ev.RequestMade):
                self._answer(entry.event, entry.recorded_ms)

    def _answer(self, request: ev.RequestMade, asked_ms: int) -> None:
        for number, reaction in enumerate(self._reactions):
            fits = fnmatchcase(request.to, reaction.to) and fnmatchcase(
                request.what.casefold(), reaction.what.casefold()
            )
            if not fits or (reaction.once and number in self._used):
                continue
            self._used.add(number)
            for reply in reaction.replies:
                due = asked_ms + round(reply.after_s * 1000)
                if due > self._core.now_ms() or asked_ms == self._core.now_ms():
                    self._core.agenda.add(due, f"4-reply:{request.id}", partial(self._say, reply, request))
            return

    def _say(self, reply: Reply, request: ev.RequestMade) -> None:
        words = {"{request}": request.id, "{subject}": request.subject, "{now}": rfc3339(self._core.now_ms())}
        self._deliver(reply.feed, json.dumps(_filled(reply.body, words)).encode())


def _filled(value: Any, words: dict[str, str]) -> Any:
    """The body with its slots filled; only strings of the scenario are looked at, never what a feed said."""
    if isinstance(value, str):
        for slot, word in words.items():
            value = value.replace(slot, word)
        return value
    if isinstance(value, dict):
        return {key: _filled(one, words) for key, one in value.items()}
    return [_filled(one, words) for one in value] if isinstance(value, list) else value
