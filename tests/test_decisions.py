"""A decision binds what it signed and nothing else: any change of it, or of what it watched, is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture import events as ev
from picture.decisions import (
    EXPIRES_AFTER_DUE_MS,
    Pending,
    Refused,
    Released,
    digest_of,
    observe,
    settle,
    sign,
    signature_holds,
    watched_changes,
)
from picture.entry import Actor
from picture.fold import Picture
from picture.model import Decision, Effect, Proposal, StreamPicture, Watched
from tests.scaffold import NOON_MS, STREAM, drill, effect, entries, entry, key_of, proposal, unit

SUBSTATION = ev.FacilityRegistered(
    id="SUB-4", facility_kind="substation", name="Fishmarket", lon_e7=1, lat_e7=2, attributes=(("state", "in service"),)
)
LEVEL = ev.SensorUpdated(id="G-1", quantity="water_level", unit="m", value=2.5)


def world(*events: ev.Event, kind: str = "drill") -> Picture:
    return Picture(STREAM).apply_all(entries([drill(world=kind), unit("E12"), SUBSTATION, LEVEL, *events]))


def decided(picture: Picture, *people: str, simulated: bool = False, digest: str = "", key: str = "") -> Proposal:
    """The proposal P-1 after these people approved it."""
    for number, name in enumerate(people, 1):
        digest = digest or picture.proposals["P-1"].digest
        public, signature = sign(key_of(key or name), "P-1", digest, "approve", name, "duty_officer")
        made = ev.DecisionMade(
            id=f"D-{number}", proposal="P-1", digest=digest, verdict="approve", public_key=public, signature=signature
        )
        one = entry(made, picture.home.seq + 1)
        picture.apply(replace(one, actor=Actor(name, "duty_officer", "EOC", simulated)))
    return picture.proposals["P-1"]


def outcome(*people: str, made: ev.ProposalMade | None = None, now_ms: int = NOON_MS, **how: Any) -> object:
    picture = world(made or proposal())
    return settle(decided(picture, *people, **how), picture.home, now_ms)


# --- the digest ---------------------------------------------------------------------------------------

WATCHED = (ev.WatchedModel(name="sensor:G-1.value", value=2.5, tolerance=0.1),)
TWO = (effect(1), effect(2, amount=3))
plain = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.booleans(), st.lists(st.text(max_size=3), max_size=2))


def on_picture(**fields: Any) -> Proposal:
    return world(proposal(*TWO, watched=WATCHED, **fields)).proposals["P-1"]


def changed_effect(one: Proposal, number: int, **fields: Any) -> Proposal:
    effects = list(one.effects)
    effects[number] = replace(effects[number], **fields)
    return replace(one, effects=tuple(effects))


def with_argument(one: Effect, name: str, value: object) -> tuple[tuple[str, object], ...]:
    return tuple(sorted((dict(one.args) | {name: value}).items()))


MUTATIONS: dict[str, Callable[[Proposal, Any], Proposal]] = {
    "an argument": lambda p, v: changed_effect(p, 1, args=with_argument(p.effects[1], "amount", v)),
    "a new argument": lambda p, v: changed_effect(p, 0, args=with_argument(p.effects[0], "more", v)),
    "a recipient": lambda p, v: changed_effect(p, 0, args=with_argument(p.effects[0], "recipients", [str(v)])),
    "the verb": lambda p, v: changed_effect(p, 0, verb=f"x{v}"),
    "the act class": lambda p, v: changed_effect(p, 0, act_class="observe"),
    "the summary": lambda p, v: changed_effect(p, 0, summary=f"x{v}"),
    "the order": lambda p, v: replace(p, effects=p.effects[::-1]),
    "an effect less": lambda p, v: replace(p, effects=p.effects[:1]),
    "the watched value": lambda p, v: replace(p, watched=(replace(p.watched[0], value=f"x{v}"),)),
    "the watched name": lambda p, v: replace(p, watched=(replace(p.watched[0], name=f"x{v}"),)),
    "the tolerance": lambda p, v: replace(p, watched=(replace(p.watched[0], tolerance=9.0),)),
    "nothing watched": lambda p, v: replace(p, watched=()),
    "the due time": lambda p, v: replace(p, due_ms=p.due_ms + 1),
    "the version": lambda p, v: replace(p, playbook_version=p.playbook_version + 1),
    "the playbook": lambda p, v: replace(p, playbook=f"x{v}"),
    "the quorum": lambda p, v: replace(p, quorum=p.quorum + 1),
}


@pytest.mark.parametrize("what", MUTATIONS)
@given(value=plain)
def test_any_change_of_what_was_signed_changes_the_digest_and_is_refused(what: str, value: object) -> None:
    picture = world(proposal(*TWO, watched=WATCHED))
    signed = decided(picture, "Ines Prado")
    assert isinstance(settle(signed, picture.home, NOON_MS), Released)
    altered = MUTATIONS[what](signed, value)
    if altered == signed:  # the drawn value was the one it had
        return
    assert digest_of(altered) != signed.digest
    assert settle(altered, picture.home, NOON_MS) == Refused(("the effects are not those of the digest",))


def test_the_digest_on_the_picture_is_the_one_that_was_made_and_survives_a_snapshot() -> None:
    made = proposal(*TWO, watched=WATCHED)
    picture = world(made)
    again = Picture.from_json(STREAM, picture.as_json())
    assert digest_of(picture.proposals["P-1"]) == digest_of(again.proposals["P-1"]) == made.digest


def test_words_that_bind_nobody_are_no_part_of_the_digest() -> None:
    one = on_picture()
    assert digest_of(replace(one, evidence=("another line",), priority=1)) == one.digest


# --- who may release ------------------------------------------------------------------------------------


def test_one_person_releases_the_effects_exactly_as_signed() -> None:
    released = outcome("Ines Prado", made=proposal(*TWO))
    assert isinstance(released, Released) and released.by == ("D-1",)
    assert [dict(one.args) for one in released.effects] == [one.args for one in TWO]


def test_nobody_releases_nothing() -> None:
    assert outcome() == Pending(0, 1)


def test_a_two_person_effect_needs_two_even_where_one_was_asked() -> None:
    made = proposal(effect(act_class="two_person"))
    assert made.quorum == 2 and outcome("Ines Prado", made=made) == Pending(1, 2)
    assert isinstance(outcome("Ines Prado", "Omar Haddad", made=made), Released)
    assert outcome("Ines Prado", made=made.model_copy(update={"quorum": 1})) == Refused(
        ("the effects are not those of the digest",)
    )


def test_two_means_two_people_and_two_keys() -> None:
    made = proposal(quorum=2)
    assert outcome("Ines Prado", "Ines Prado", made=made) == Pending(1, 2)
    assert outcome("Ines Prado", "Omar Haddad", made=made, key="one hand") == Pending(1, 2)


def test_the_editor_is_not_one_of_the_two() -> None:
    made = proposal(quorum=2, edited_by="Ines Prado")
    assert outcome("Ines Prado", "Omar Haddad", made=made) == Pending(1, 2)
    assert isinstance(outcome("Ines Prado", "Omar Haddad", "Li Wen", made=made), Released)
    assert isinstance(outcome("Ines Prado", made=proposal(edited_by="Ines Prado")), Released)


@pytest.mark.parametrize(("kind", "released"), [("drill", True), ("live", False), ("whatif", False)])
def test_a_simulated_person_counts_in_drills_only(kind: str, released: bool) -> None:
    picture = world(proposal(), kind=kind)
    answer = settle(decided(picture, "Ines Prado", simulated=True), picture.home, NOON_MS)
    assert isinstance(answer, Released) is released
    if isinstance(answer, Refused):
        assert answer.diff == ("Ines Prado is simulated, which only a drill accepts",)


def test_a_decision_on_another_version_is_refused_by_name() -> None:
    assert outcome("Ines Prado", digest="0" * 64) == Refused(("Ines Prado approved another version of it",))


def test_it_expires_a_while_after_it_was_due() -> None:
    made = proposal()
    last = made.due_ms + EXPIRES_AFTER_DUE_MS
    assert isinstance(outcome("Ines Prado", made=made, now_ms=last), Released)
    assert outcome("Ines Prado", made=made, now_ms=last + 1) == Refused(("it expired before this was decided",))


SIGNED_FIELDS = ("proposal", "digest", "verdict", "shown", "person", "position", "public_key", "signature")


@pytest.mark.parametrize("field", SIGNED_FIELDS)
def test_a_signature_holds_for_every_field_it_covers(field: str) -> None:
    public, signature = sign(key_of("Ines Prado"), "P-1", "d", "approve", "Ines Prado", "duty_officer", "seen 9 s")
    true = Decision("D-1", "P-1", "d", "approve", Actor("Ines Prado", "duty_officer"), 0, public, signature, "seen 9 s")
    assert signature_holds(true)
    if field in ("person", "position"):
        other = Actor("Mallory", "duty_officer") if field == "person" else Actor("Ines Prado", "port_captain")
        forged = replace(true, actor=other)
    elif field == "public_key":
        forged = replace(true, public_key=sign(key_of("Mallory"), "P-1", "d", "approve", "M", "p")[0])
    else:
        changed: dict[str, Any] = {field: "00" * 64}
        forged = replace(true, **changed)
    assert not signature_holds(forged)


@pytest.mark.parametrize("text", ["", "zz", "00" * 3])
def test_a_signature_that_is_none_does_not_hold(text: str) -> None:
    one = Decision("D-1", "P-1", "d", "approve", Actor("I"), 0, text, text)
    assert not signature_holds(one)


# --- what is watched ------------------------------------------------------------------------------------


def watched(name: str, value: Any, tolerance: float = 0.0, words: str = "") -> tuple[str, ...]:
    return watched_changes((Watched(name, value, tolerance, words),), world().home)


def test_a_number_may_move_within_its_tolerance() -> None:
    assert watched("sensor:G-1.value", 2.25, 0.25) == ()
    assert watched("sensor:G-1.value", 2.0, 0.25, "level at the quay") == ("level at the quay: was 2, is 2.5",)


def test_a_changed_word_and_a_thing_that_vanished_are_named() -> None:
    assert watched("facility:SUB-4.state", "isolated") == ("facility:SUB-4.state: was isolated, is in service",)
    assert watched("unit:E99.local_status", "available") == ("unit:E99.local_status: was available, is unknown",)


def test_a_changed_precondition_refuses_what_was_approved() -> None:
    picture = world(proposal(watched=(ev.WatchedModel(name="unit:E12.local_status", value="available"),)))
    signed = decided(picture, "Ines Prado")
    assert isinstance(settle(signed, picture.home, NOON_MS), Released)
    picture.apply(entry(ev.UnitStatusChanged(unit="E12", local_status="out_of_service"), picture.home.seq + 1))
    assert settle(signed, picture.home, NOON_MS) == Refused(
        ("unit:E12.local_status: was available, is out_of_service",)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unit:E12.local_status", "available"),
        ("unit:E12.skills", 0),  # of many, how many
        ("sensor:G-1.value", 2.5),
        ("facility:SUB-4.state", "in service"),
        ("facility:SUB-4.name", None),  # a facility's columns are not its owner's word
        ("barrier", "open"),
        ("stream.barrier", "open"),
        ("hands_off", False),
        ("unit:E12.position", None),
        ("unit:E12.nothing", None),
        ("nonsense:E12.status", None),
        ("units", None),  # a table is no value
        ("", None),
    ],
)
def test_a_watched_name_reads_one_plain_value(name: str, value: object) -> None:
    assert observe(name, world().home) == value


def test_a_record_within_a_record_is_no_value() -> None:
    home: StreamPicture = world(
        ev.IncidentOpened(incident="I-1", incident_kind="flood", title="F", priority=3, lon_e7=1, lat_e7=2)
    ).home
    assert home.incidents["I-1"].place is not None and observe("incident:I-1.place", home) is None
