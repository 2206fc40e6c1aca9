"""The verbs that ship: roads, units, messages, requests, the planner. None of them actuates plant."""

from playbooks.effects import Verbs
from playbooks.verbs.messages import AlertAgency, AlertPublic, AlertResponder, NoticeInternal
from playbooks.verbs.plans import PlannerPropose, RaisePriority, SetPriority
from playbooks.verbs.requests import RequestMake, RequestWithdraw
from playbooks.verbs.roads import RoadClose, RoadReopen
from playbooks.verbs.units import UnitAssign, UnitRelease, UnitStandBy


def standard_verbs() -> Verbs:
    """Every verb that ships, by name."""
    return Verbs((
        RoadClose(), RoadReopen(), UnitAssign(), UnitStandBy(), UnitRelease(), AlertAgency(), AlertPublic(),
        AlertResponder(), NoticeInternal(), RequestMake(), RequestWithdraw(), RaisePriority(), SetPriority(),
        PlannerPropose(),
    ))  # fmt: skip


__all__ = ["standard_verbs"]
