"""Nothing leaves that people did not sign: each alert is held against its proposal before every hand-over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from feeds.release import still_released
from picture.decisions import digest_of, sign
from picture.entry import Actor
from picture.keeping import Run
from picture.model import Alert, Decision, Delivery, Effect, Proposal, StreamPicture, Unit, Watched
from picture.sealing import drill_signing_key
from tests.outbox_core import RING, START_MS

DUE_MS = START_MS + 600_000
LATE_MS = DUE_MS + 3_600_000
WORDS: dict[str, Any] = {
    "headline": "Old Quay floods", "body": "Go upstairs.", "urgency": "Immediate", "severity": "Severe",
    "certainty": "Observed", "area": "Old Harbour", "rings": [[list(point) for point in RING]],
    "recipients": [["Everybody", "cap"]],
}  # fmt: skip


def an_alert(kind: str = "public", **changes: Any) -> Alert:
    one = Alert(
        "AL-1", kind, "Old Quay floods", "Go upstairs.", "P-1", "", START_MS, rings=(RING,), area="Old Harbour",
        effect="E-1", deliveries=(Delivery("Everybody", "cap", "queued", START_MS),),
    )  # fmt: skip
    return replace(one, **changes)


def picture(
    *people: str, verb: str = "alert.public", act_class: str = "two_person", status: str = "executed", **changes: Any
) -> StreamPicture:
    """A picture with one proposal that these people approved."""
    effect = Effect("E-1", verb, act_class, "Warn", tuple(sorted(WORDS.items())), reversible=False)
    watched = (Watched("unit:E12.local_status", "available", words="E12"),)
    proposal = Proposal(
        "P-1", "Warn Old Harbour", "surge", 1, "R-1", "warn", "", 1, (effect,), watched, (), (), (), START_MS, DUE_MS,
        "", status=status,
    )  # fmt: skip
    proposal = replace(proposal, digest=digest_of(proposal))
    found = StreamPicture("core-meridian", world="drill")
    found.units["E12"] = Unit("E12", "E12", "fire", "engine", 1, "S1", 0, 0, "engine", 500, 4, ())
    for person in people:
        key = drill_signing_key(7, person)
        public, signature = sign(key, "P-1", proposal.digest, "approve", person, "duty officer")
        actor = Actor(person, "duty officer", simulated=True)
        name = f"D-{person}"
        found.decisions[name] = Decision(name, "P-1", proposal.digest, "approve", actor, START_MS, public, signature)
    proposal = replace(proposal, decisions=tuple(found.decisions))
    found.proposals["P-1"] = replace(proposal, **changes)
    return found


def test_what_two_persons_signed_may_leave_even_long_after_it_was_carried_out() -> None:
    assert still_released(an_alert(), picture("Ines", "Tom"), START_MS) == ()
    assert still_released(an_alert(), picture("Ines", "Tom"), LATE_MS) == ()


@pytest.mark.parametrize("people", [(), ("Ines",)])
def test_a_public_alert_needs_two_persons(people: tuple[str, ...]) -> None:
    assert still_released(an_alert(), picture(*people), START_MS) == (f"{len(people)} of 2 persons have approved",)


def test_a_public_alert_whose_effect_asks_for_one_person_stays() -> None:
    one = picture("Ines", "Tom", act_class="act_if_approved")
    assert "two persons" in still_released(an_alert(), one, START_MS)[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("headline", "Old Quay is safe"),
        ("body", "Stay where you are."),
        ("area", "New Harbour"),
        ("rings", ()),
        ("severity", "Minor"),
        ("deliveries", (Delivery("Somebody else", "cap", "queued", START_MS),)),
    ],
)
def test_one_changed_word_recipient_or_area_is_refused_by_name(field: str, value: Any) -> None:
    diff = still_released(an_alert(**{field: value}), picture("Ines", "Tom"), START_MS)
    assert diff == (f"{field.replace('deliveries', 'recipients')} of alert AL-1 is not what was approved",)


def test_a_proposal_that_was_changed_after_it_was_signed_is_refused() -> None:
    one = picture("Ines", "Tom", due_ms=DUE_MS + 1)
    assert still_released(an_alert(), one, START_MS) == ("the effects are not those of the digest",)


def test_a_forged_approval_does_not_count() -> None:
    one = picture("Ines", "Tom")
    one.decisions["D-Tom"] = replace(one.decisions["D-Tom"], signature="00" * 64)
    assert still_released(an_alert(), one, START_MS) == ("the signature of Tom does not hold",)


@pytest.mark.parametrize("status", ["waiting", "rejected", "refused", "expired", "replaced"])
def test_a_proposal_that_nobody_released_sends_nothing(status: str) -> None:
    diff = still_released(an_alert(), picture("Ines", "Tom", status=status), START_MS)
    assert diff == (f"proposal P-1 is {status}",)


def test_what_is_watched_holds_until_it_is_executed_and_not_after() -> None:
    for status, expected in (("approved", ("E12: was available, is dispatched",)), ("executed", ())):
        one = picture("Ines", "Tom", status=status)
        one.units["E12"] = replace(one.units["E12"], local_status="dispatched")
        assert still_released(an_alert(), one, START_MS) == expected


def test_an_order_to_a_unit_goes_to_the_recipients_of_its_assignment_only() -> None:
    one = picture("Ines", verb="unit.assign", act_class="act_if_approved")
    order = an_alert("responder", headline="E12: go to Old Quay", body="By High Street.")
    assert still_released(order, one, START_MS) == ()
    astray = replace(order, deliveries=(Delivery("E14", "sms", "queued", START_MS),))
    assert still_released(astray, one, START_MS) == ("recipients of alert AL-1 is not what was approved",)


def test_a_proposal_that_sends_nothing_releases_no_alert() -> None:
    one = picture("Ines", verb="road.close", act_class="act_if_approved")
    effect = replace(one.proposals["P-1"].effects[0], args=(("edges", [1, 2]),))
    assert still_released(an_alert("agency"), _resigned(one, effect), START_MS) == (
        "the effect road.close sends no message",
    )


def test_an_alert_that_names_no_effect_of_its_proposal_stays() -> None:
    assert still_released(an_alert(effect="E-9"), picture("Ines", "Tom"), START_MS) == (
        "no effect E-9 of the proposal sends it",
    )


def _resigned(one: StreamPicture, effect: Effect) -> StreamPicture:
    proposal = replace(one.proposals["P-1"], effects=(effect,))
    proposal = replace(proposal, digest=digest_of(proposal))
    one.proposals["P-1"] = proposal
    for name, decision in list(one.decisions.items()):
        person = decision.actor.person
        _, signature = sign(drill_signing_key(7, person), "P-1", proposal.digest, "approve", person, "duty officer")
        one.decisions[name] = replace(decision, digest=proposal.digest, signature=signature)
    return one


def test_notices_of_a_run_or_an_operator_need_no_proposal_but_public_alerts_do() -> None:
    one = StreamPicture("core-meridian", world="drill")
    one.runs["R-1"] = Run("R-1", "surge", 1, "k", "gauge above 2.4 m", START_MS)
    for kind, by, refused in (
        ("internal", "", False), ("responder", "R-1", False), ("public", "", True), ("public", "R-1", True),
        ("agency", "P-404", True),
    ):  # fmt: skip
        assert bool(still_released(an_alert(kind, proposal=by), one, START_MS)) is refused, (kind, by)
