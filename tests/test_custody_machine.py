"""Whatever is done to a world's sealed values, in whatever order: what was forgotten stays so, the rest opens."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from picture.entry import Actor
from picture.errors import JournalError
from picture.events import IncidentOpened
from picture.fold import Picture
from picture.journal import JournalReader, verify
from picture.journal.arrival import take_in
from picture.journal.custody import ask_erasure, change_hold, confirm_erasure, finish_erasures
from picture.journal.retention import DAY_MS, RetentionPolicy, apply_retention
from picture.journal.rotation import rotate
from picture.journal.transport import export
from tests.custody_desk import Desk, signed
from tests.journal_world import CALLER, NOON_MS, STREAM, World, call

SCOPES = st.sampled_from(["I-1", "I-2"])
POLICY = RetentionPolicy(personal_days=1)


class Custody(RuleBasedStateMachine):
    """A world that is written, held, erased, rotated, carried away and started again; the model is a set of entries."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-custody-"))
        self.world = World(self.folder / "world")
        self.opens: dict[int, str] = {}
        """Calls that can be opened, and their scope."""
        self.gone: set[int] = set()
        self.held: set[str] = set()
        self.closed: set[str] = set()
        self.requests = 0
        self.days = 0

    @initialize()
    def begin(self) -> None:
        self.desk = Desk(self.world).begin_in().__enter__()
        self.desk.record([IncidentOpened(incident="I-2", incident_kind="fire", title="Fire", priority=2)])
        first = next(entry.seq for entry in self.desk.journal.read() if "report.caller" in entry.sealed)
        self.opens[first] = "I-1"

    @rule(scope=SCOPES)
    def somebody_calls(self, scope: str) -> None:
        entry = self.desk.write([call(scope)])[-1]
        self.opens[entry.seq] = scope

    @rule(scope=SCOPES, on=st.booleans())
    def hold(self, scope: str, on: bool) -> None:
        change_hold(self.desk.keeping, scope, on=on, why="inquiry")
        (self.held.add if on else self.held.discard)(scope)

    @rule(scope=SCOPES)
    def two_persons_erase(self, scope: str) -> None:
        self.requests += 1
        request = f"ER-{self.requests}"
        expected = "TOC-3120" if scope in self.held else "" if scope in self.opens.values() else "TOC-3122"
        try:
            ask_erasure(self.desk.keeping, scope, signed("Ada", scope, request), request=request, why="asked")
            confirm_erasure(self.desk.keeping, request, signed("Ben", scope, request), now_ms=self.desk.now_ms)
        except JournalError as error:
            assert error.code == expected
        else:
            assert expected == ""
            self._forget(scope)

    @precondition(lambda self: len(self.closed) < 2)
    @rule(scope=SCOPES)
    def close_incident(self, scope: str) -> None:
        if scope not in self.closed:
            self.closed.add(scope)
            self.desk.close_incident(scope)

    @rule()
    def days_pass(self) -> None:
        self.days += 2
        self.desk.now_ms = NOON_MS + self.days * DAY_MS
        apply_retention(self.desk.keeping, POLICY, self.desk.now_ms)
        for scope in self.closed - self.held:
            self._forget(scope)

    @rule(sealing=st.booleans())
    def rotate(self, sealing: bool) -> None:
        keyring = self.desk.keyring if sealing else None
        entries = rotate(
            self.desk.journal, self.world.keys, actor=Actor("Ada"), now_ms=self.desk.now_ms, why="", keyring=keyring
        )
        self.desk.picture.apply_all(entries)

    @rule(kill=st.booleans())
    def start_again(self, kill: bool) -> None:
        if kill:  # what a kill leaves, with the journal's last words still in its log
            dead = self.folder / f"after-{self.desk.journal.head().seq}-{len(list(self.folder.iterdir()))}"
            shutil.copytree(self.world.folder, dead)
            self.desk.journal.close()
            self.world = World(dead)
        else:
            self.desk.journal.close()
        now = self.desk.now_ms
        self.desk = Desk(self.world, now_ms=now).__enter__()
        assert finish_erasures(self.desk.picture.home, self.desk.keyring, self.desk.blobs) == ()

    @rule()
    def carry(self) -> None:
        there = self.folder / "there" / "journal"
        had = verify(there).entries if there.exists() else 0
        if had == self.desk.journal.head().seq:
            return
        number = len(list(self.folder.iterdir()))
        path, manifest = export(self.world.journal, self.folder / f"{number}.zip", made_ms=NOON_MS, after=had)
        assert take_in(path, there).entries == manifest.head_seq - had
        assert verify(there).head == manifest.head == self.desk.journal.head().hash

    @invariant()
    def what_was_forgotten_stays_so_and_the_rest_opens(self) -> None:
        if not hasattr(self, "desk"):
            return
        for seq in (*self.opens, *self.gone):
            entry = self.desk.journal.entry(seq)
            assert entry is not None
            expected = CALLER if seq in self.opens else None
            assert self.desk.journal.opened(entry).get("report.caller") == expected

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.journal.close()
            report = verify(self.world.journal)
            assert report.ok, report.why
            with JournalReader(self.world.journal) as reader:
                assert Picture(STREAM).apply_all(reader.read()).digest() == self.desk.picture.digest()
        shutil.rmtree(self.folder)

    def _forget(self, scope: str) -> None:
        mine = {seq for seq, one in self.opens.items() if one == scope}
        self.gone |= mine
        for seq in mine:
            del self.opens[seq]


Custody.TestCase.settings = settings(max_examples=25, stateful_step_count=14, deadline=None)
TestCustody = Custody.TestCase
