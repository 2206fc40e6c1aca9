"""Whether a link still sings: each end tells its head every second, so that an open but silent link is seen as silent.

Pure of any clock: every call names its time. Only going silent, falling behind, differing and coming back are told.
"""

from __future__ import annotations

from typing import Final, Literal

from picture import events as ev

BEAT_S: Final = 1.0
SILENT_S: Final = 3.0
"""Without a beat for so long a link is silent: two lost beats are forgiven."""
BEHIND_S: Final = 5.0
"""For so long what the far end has told may be missing here."""
State = Literal["ok", "silent", "behind", "differs"]


class Canary:
    """One link as this end sees it."""

    def __init__(self, name: str, now_s: float, state: State | None = None) -> None:
        """``state`` is what the journal says last of it; None: nothing is known, and being well is no news then."""
        self.name = name
        self.state: State = state or "ok"
        self._heard_s = now_s
        self._told = (0, "")
        """Head and hash of the far end's newest beat."""
        self._here = (0, "")
        """The newest entry of it that arrived here, and its hash."""
        self._short_since_s: float | None = None
        self._differs = ""

    def beat(self, now_s: float, head: int, digest: str) -> None:
        """The far end says that its stream ends at entry ``head`` with this hash."""
        self._heard_s = now_s
        self._told = (head, digest)
        self._compare(now_s)

    def arrived(self, now_s: float, seq: int, digest: str) -> None:
        """An entry of its stream arrived; entries are a sign of life too."""
        self._heard_s = now_s
        self._here = (seq, digest)
        self._compare(now_s)

    def contradicts(self, why: str) -> None:
        """What arrived cannot follow what was here before; only a person ends this."""
        self._differs = self._differs or why

    def _compare(self, now_s: float) -> None:
        told, here = self._told, self._here
        if told[0] == here[0] and here[0] and told[1] != here[1]:
            self.contradicts(f"entry {here[0]} is another there than here")
        if told[0] <= here[0]:
            self._short_since_s = None
        elif self._short_since_s is None:
            self._short_since_s = now_s

    def judge(self, now_s: float) -> ev.LinkChanged | None:
        """The change since it was last judged, for the journal; None where there is none."""
        state, why = self._judged(now_s)
        if state == self.state:
            return None
        self.state = state
        return ev.LinkChanged(id=self.name, state=state, why=why)

    def _judged(self, now_s: float) -> tuple[State, str]:
        if self._differs:
            return "differs", self._differs
        if now_s - self._heard_s > SILENT_S:
            return "silent", f"nothing heard for {int(now_s - self._heard_s)} s"
        if self._short_since_s is not None and now_s - self._short_since_s > BEHIND_S:
            return "behind", f"it has {self._told[0]} entries, {self._here[0]} are here"
        return "ok", ""
