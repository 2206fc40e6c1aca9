"""What each verb drafts, and that it carries out what was drafted or refuses."""

from __future__ import annotations

from typing import Any

import pytest
from small_core import SmallCore, facility, flood

from picture import events as ev
from picture.decisions import ACT_CLASSES
from picture.errors import PlaybookError, RefusedError
from picture.folding_intentions import effect_of
from playbooks.context import Context
from playbooks.effects import Draft
from playbooks.verbs import standard_verbs

VERBS = standard_verbs()


def drafted(core: SmallCore, verb: str, **args: Any) -> Draft:
    one = VERBS.get(verb)
    return one.draft(one.Args.model_validate(args), core.context())


def carried_out(core: SmallCore, verb: str, draft: Draft) -> None:
    for effect in draft.effects:
        core.say(*VERBS.get(verb).carry_out(effect_of(effect), core.context()))


def test_every_verb_has_a_class_and_what_is_reversible_names_a_verb_that_undoes_it() -> None:
    for verb in VERBS:
        assert verb.act_class in ACT_CLASSES
        assert bool(verb.undo) == verb.reversible
        assert not verb.undo or verb.undo in VERBS
        assert not (verb.outward and verb.act_class in ("act_then_tell", "act_unless_vetoed")), verb.name


def test_drafting_changes_nothing_and_draws_no_id(core: SmallCore) -> None:
    before, ids = core.picture.digest(), core.ids.new("X")
    drafted(core, "road.close", roads=["Customs Quay"], reason="surge")
    drafted(core, "request.make", to="agency:PMHA", what="close it", subject="BARRIER")
    assert core.picture.digest() == before
    assert core.ids.new("X") != ids
    assert core.ids.new("C") == "C-1"


def test_a_road_that_is_closed_already_is_not_closed_twice(core: SmallCore) -> None:
    carried_out(core, "road.close", drafted(core, "road.close", roads=["Customs Quay"], reason="surge"))
    again = drafted(core, "road.close", roads=["Customs Quay", "No Such Street"], reason="surge")
    assert again.effects == ()
    assert again.evidence == ("Customs Quay: closed already (C-1, surge)", "No Such Street: no road of this name")
    with pytest.raises(PlaybookError, match="No Such Street"):
        drafted(core, "road.close", roads=["No Such Street"], reason="surge")


def test_units_of_others_and_busy_ones_are_named_with_the_reason(core: SmallCore) -> None:
    core.say(ev.UnitStatusChanged(unit="E21", local_status="out_of_service"))
    one = standard_verbs(["MPD"]).get("unit.assign")
    with pytest.raises(PlaybookError, match="it is MFD's"):
        one.draft(one.Args.model_validate({"assignments": [{"unit": "E12", "facility": "FS-1"}]}), core.context())
    draft = drafted(core, "unit.stand_by", units=["E12", "E21", "E99"], at="FS-1")
    assert [dict(effect.args)["unit"] for effect in draft.effects] == ["E12"]
    assert draft.evidence == ("E21 not sent: it is out_of_service", "E99: no such unit")


def test_a_unit_that_was_sent_elsewhere_meanwhile_is_refused_with_the_difference(core: SmallCore) -> None:
    draft = drafted(core, "unit.stand_by", units=["E12"], at="FS-1")
    core.say(ev.UnitStatusChanged(unit="E12", local_status="dispatched"))
    with pytest.raises(RefusedError) as caught:
        carried_out(core, "unit.stand_by", draft)
    assert caught.value.diff == ("E12: was free, is dispatched",)


def test_a_way_that_changed_since_it_was_approved_is_flagged(core: SmallCore) -> None:
    draft = drafted(core, "unit.stand_by", units=["E12"], at="FS-1")
    assert dict(draft.effects[0].args)["streets"] == ["Customs Quay"]
    moved = draft.effects[0].model_copy(update={"args": {**draft.effects[0].args, "avoid": [10]}})
    carried_out(core, "unit.stand_by", Draft((moved,)))
    (assignment,) = core.home.assignments.values()
    assert assignment.streets == ("High Street",)
    assert assignment.flagged


def test_no_position_of_a_crew_stands_in_the_clear_of_a_proposal(core: SmallCore) -> None:
    draft = drafted(core, "unit.stand_by", units=["E12"], at="FS-1")
    assert not {"route", "points", "from_lon_e7"} & set(draft.effects[0].args)
    (assigned,) = VERBS.get("unit.stand_by").carry_out(effect_of(draft.effects[0]), core.context())[:1]
    assert "route" in dict(ev.sealed_values(assigned))


def test_a_message_to_nobody_is_refused(core: SmallCore) -> None:
    with pytest.raises(PlaybookError, match="Nobody is listed"):
        drafted(core, "alert.agency", to=["agency:NOBODY"], headline="x")


def test_a_facility_without_a_line_of_its_own_is_told_through_its_agency(core: SmallCore) -> None:
    core.say(facility("H-2", "hospital").model_copy(update={"agency": "MHEALTH"}))
    core.services.directory.unlisted = {"facility:H-2"}
    draft = drafted(core, "alert.agency", to=["facility:H-2"], headline="x")
    assert draft.effects[0].args["recipients"] == [["agency:MHEALTH", "drill"]]


def test_the_public_is_warned_in_the_area_of_a_hazard_that_still_stands(core: SmallCore) -> None:
    core.say(flood(2_000).model_copy(update={"rings": (((0, 0), (5, 0), (5, 5), (0, 0)),)}))
    draft = drafted(core, "alert.public", areas=["hazard:H-1"], headline="Leave")
    assert draft.effects[0].args["rings"] == [[[0, 0], [5, 0], [5, 5], [0, 0]]]
    assert draft.watched[0].name == "hazard:H-1.status"


def test_the_same_request_is_not_made_twice_while_it_is_open(core: SmallCore) -> None:
    make = {"to": "agency:PMHA", "what": "close it", "subject": "BARRIER"}
    carried_out(core, "request.make", drafted(core, "request.make", **make))
    assert drafted(core, "request.make", **make).effects == ()
    core.say(ev.RequestAnswered(id="Q-1", status="refused"))
    assert len(drafted(core, "request.make", **make).effects) == 1


def test_priority_is_raised_and_never_lowered_by_raising(core: SmallCore) -> None:
    core.say(ev.IncidentOpened(incident="I-1", incident_kind="flood", title="Cellar", priority=3))
    assert drafted(core, "incident.raise_priority", incident="I-1", priority=4, why="x").effects == ()
    draft = drafted(core, "incident.raise_priority", incident="I-1", priority=1, why="people trapped")
    carried_out(core, "incident.raise_priority", draft)
    assert core.home.incidents["I-1"].priority == 1


def test_without_a_planner_the_step_says_so(core: SmallCore) -> None:
    core.services.planner = None
    propose = VERBS.get("planner.propose")
    with pytest.raises(PlaybookError, match="No planner"):
        propose.draft(propose.Args.model_validate({"goal": "x"}), Context(core.picture, 0, core.ids, core.services))
