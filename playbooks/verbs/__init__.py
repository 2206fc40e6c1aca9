"""The verbs that ship: roads, units, messages, requests, the planner. None of them actuates plant."""

from collections.abc import Collection

from playbooks.effects import Verbs
from playbooks.verbs.messages import AlertAgency, AlertPublic, AlertResponder, NoticeInternal
from playbooks.verbs.plans import PlannerPropose, RaisePriority, SetPriority
from playbooks.verbs.requests import RequestMake, RequestWithdraw
from playbooks.verbs.roads import RoadClose, RoadReopen
from playbooks.verbs.units import UnitAssign, UnitRelease, UnitStandBy


def standard_verbs(own_agencies: Collection[str] = ()) -> Verbs:
    """Every verb that ships. Only units of ``own_agencies`` are ours to send; empty means all."""
    return Verbs((
        RoadClose(), RoadReopen(), UnitAssign(own_agencies), UnitStandBy(own_agencies), UnitRelease(),
        AlertAgency(), AlertPublic(), AlertResponder(), NoticeInternal(),
        RequestMake(), RequestWithdraw(), RaisePriority(), SetPriority(), PlannerPropose(),
    ))  # fmt: skip


__all__ = ["standard_verbs"]
