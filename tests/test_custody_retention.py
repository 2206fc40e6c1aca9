"""Sealed values go when their days are over, class by class, and never under a legal hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from picture.events import DrillControlled, IncidentReopened, LogWritten, PayloadShredded, UnitLocated
from picture.journal import verify
from picture.journal.custody import change_hold
from picture.journal.retention import DAY_MS, RetentionPolicy, apply_retention, fates
from picture.sealing import Keyring
from tests.custody_desk import Desk
from tests.journal_world import NOON_MS, World, call

POLICY = RetentionPolicy(personal_days=10, operations_days=100, training_days=3)


def filled(folder: Path, world: str = "live") -> Desk:
    return Desk(World(folder)).begin_in(world)


def scopes(desk: Desk) -> set[tuple[str, str]]:
    return {info.place for info in desk.keyring.inventory() if not info.doomed}


def applied(desk: Desk, days: float) -> tuple[PayloadShredded, ...]:
    desk.now_ms = NOON_MS + round(days * DAY_MS)
    return apply_retention(desk.keeping, POLICY, desk.now_ms)


def test_each_class_goes_after_its_own_days_once_the_incident_is_closed(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.record([LogWritten(id="L-1", incident="I-1", text="note")])
        assert applied(desk, 500) == ()  # open incidents are kept, however old
        desk.now_ms = NOON_MS
        desk.close_incident()
        assert applied(desk, 9.9) == ()
        (personal,) = applied(desk, 10)
        assert (personal.scope, personal.retention_class, personal.by) == ("I-1", "personal", ("retention",))
        assert ("I-1", "operations") in scopes(desk) and ("I-1", "personal") not in scopes(desk)
        (operations,) = applied(desk, 100)
        assert operations.retention_class == "operations"
        assert applied(desk, 101) == ()
        sealed = [e for e in desk.journal.read() if e.sealed and e.event.key_scope() == "I-1"]
        assert len(sealed) == 2 and all(desk.journal.opened(entry) == {} for entry in sealed)
    assert verify(tmp_path / "journal").ok


def test_a_reopened_incident_is_kept(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        desk.record([IncidentReopened(incident="I-1")])
        assert applied(desk, 50) == ()


def test_a_legal_hold_outlasts_the_days(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        change_hold(desk.keeping, "I-1", on=True, why="inquiry")
        assert applied(desk, 400) == ()
        (fate,) = [fate for fate in fates(desk.picture.home, desk.keyring, POLICY, desk.now_ms) if fate.held]
        assert fate.key.scope == "I-1" and fate.due_ms == NOON_MS + 10 * DAY_MS and not fate.ripe(desk.now_ms)
        change_hold(desk.keeping, "I-1", on=False, why="closed")
        assert [event.scope for event in applied(desk, 401)] == ["I-1"]


def test_what_belongs_to_no_incident_goes_key_by_key_as_they_are_renewed(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        (early,) = desk.record([UnitLocated(unit="E12", lon_e7=1, lat_e7=2)])
        assert applied(desk, 1) == ()
        (late,) = desk.record([UnitLocated(unit="E12", lon_e7=3, lat_e7=4)])
        generations = [info.generation for info in desk.keyring.inventory() if info.scope == "units"]
        assert generations == [1, 2]
        (gone,) = applied(desk, 11)
        assert gone.scope == "units" and len(gone.keys) == 1
        assert (desk.journal.opened(early), desk.journal.opened(late)) == ({}, {"lon_e7": 3, "lat_e7": 4})


def test_a_drill_keeps_nothing_for_longer_than_training_once_it_is_over(tmp_path: Path) -> None:
    with filled(tmp_path, "drill") as desk:
        desk.record([LogWritten(id="L-1", text="no incident"), UnitLocated(unit="E12", lon_e7=1, lat_e7=2)])
        assert applied(desk, 50) == ()
        desk.now_ms = NOON_MS
        desk.record([DrillControlled(action="finish", why="finished")])
        assert applied(desk, 2) == ()
        gone = {(event.scope, event.retention_class) for event in applied(desk, 3)}
        assert gone >= {("I-1", "personal"), ("units", "personal"), ("general", "operations")}
        assert all(desk.journal.opened(entry) == {} for entry in desk.journal.read(0, 11) if entry.sealed)


def test_a_class_may_be_kept_for_good(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        policy = RetentionPolicy(personal_days="keep")
        assert apply_retention(desk.keeping, policy, NOON_MS + 10_000 * DAY_MS) == ()


def test_looking_changes_nothing(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        head, keys = desk.journal.head(), desk.keyring.inventory()
        (fate,) = fates(desk.picture.home, desk.keyring, POLICY, NOON_MS + 10 * DAY_MS)
        assert fate.ripe(NOON_MS + 10 * DAY_MS) and not fate.ripe(NOON_MS + 10 * DAY_MS - 1)
        assert (desk.journal.head(), desk.keyring.inventory()) == (head, keys)


def test_a_kill_between_dooming_and_the_entry_is_made_good_by_the_next_run(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        keys = [info.id for info in desk.keyring.inventory()]
        desk.keyring.doom(keys)
    with Desk(World(tmp_path)) as again:
        (event,) = apply_retention(again.keeping, POLICY, NOON_MS)
        assert list(event.keys) == keys
    assert Keyring(tmp_path / "keys").inventory() == again.keyring.inventory()


@pytest.mark.parametrize("values", [{"personal_days": "never"}, {"days": 3}, {"renew_days": 0}, {"personal_days": -1}])
def test_a_policy_that_cannot_be_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetentionPolicy.model_validate(values)


def test_a_late_call_for_a_closed_incident_goes_with_it(tmp_path: Path) -> None:
    with filled(tmp_path) as desk:
        desk.close_incident()
        applied(desk, 10)
        (entry,) = desk.write([call("I-1")])
        assert [event.scope for event in applied(desk, 11)] == ["I-1"]
        assert desk.journal.opened(entry) == {}


def test_retention_ends_where_nothing_is_left(tmp_path: Path) -> None:
    with filled(tmp_path, "drill") as desk:
        desk.record([LogWritten(id="L-1", text="no incident"), DrillControlled(action="finish", why="finished")])
        assert applied(desk, 3)
        head = desk.journal.head()
        assert applied(desk, 30) == () and desk.keyring.inventory() == () and desk.journal.head() == head
