"""The desk's people: who has what in their hands, and how one shift hands over to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from console import commands as c
from console.brief import brief
from console.core import Core, Draft
from console.people import Person
from picture import events as ev
from picture.errors import RefusedError

if TYPE_CHECKING:
    from console.desk import Handled

CLAIMABLE = ("incidents", "alarms", "proposals")


class DeskDuty:
    """Turns commands about claims and shifts into drafts."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.handlers: dict[type[Any], Callable[[Any, Person], Handled]] = {
            c.Claim: self.claim,
            c.Release: self.release,
            c.HandOver: self.hand_over,
        }
        self._steps: dict[str, Callable[[c.HandOver, Person], Handled]] = {
            "offer": self._offer,
            "confirm": self._confirm,
            "accept": self._accept,
            "refuse": self._refuse,
        }

    # --- claims ---------------------------------------------------------------------------------------------

    def claim(self, command: c.Claim, person: Person) -> Handled:
        """One holder at a time; taking over from another is said, and stands in the journal with both names."""
        home = self._core.home
        if not any(command.subject in getattr(home, table) for table in CLAIMABLE):
            raise RefusedError(f"There is no incident, alarm or proposal {command.subject}.", code="TOC-4008")
        held = home.claims.get(command.subject)
        if held is not None and held.person == person.name:
            raise RefusedError(f"{command.subject} is in your hands already.", code="TOC-4009")
        if held is not None and not command.take_over:
            raise RefusedError(f"{command.subject} is with {held.person}, {held.position}.", code="TOC-4038")
        event = ev.ClaimChanged(
            subject=command.subject,
            person=person.name,
            position=person.position,
            held=True,
            taken_from=held.person if held else "",
        )
        return [Draft(event)], {"subject": command.subject, "taken_from": event.taken_from}

    def release(self, command: c.Release, person: Person) -> Handled:
        held = self._core.home.claims.get(command.subject)
        if held is None:
            raise RefusedError(f"{command.subject} is in nobody's hands.", code="TOC-4009")
        if held.person != person.name:
            raise RefusedError(f"{command.subject} is with {held.person}.", code="TOC-4038")
        event = ev.ClaimChanged(subject=command.subject, person=person.name, position=person.position, held=False)
        return [Draft(event)], {"subject": command.subject}

    # --- shift handover -------------------------------------------------------------------------------------

    def hand_over(self, command: c.HandOver, person: Person) -> Handled:
        """Offered, confirmed on the whole brief, accepted by the incoming's own log-in; or refused, or withdrawn."""
        return self._steps[command.step](command, person)

    def _offer(self, command: c.HandOver, person: Person) -> Handled:
        shift = self._core.home.shift
        if not command.to:
            raise RefusedError("Say to whom the desk is handed over.")
        if shift.person and shift.person != person.name:
            raise RefusedError(f"{shift.person} has the desk; only they hand it over.", code="TOC-4004")
        text = brief(self._core.home, self._core.now_ms(), command.brief)
        event = ev.ShiftChanged(step="offered", person=person.name, position=person.position, to=command.to, brief=text)
        return [Draft(event)], {"brief": text, "digest": _digest(text)}

    def _confirm(self, command: c.HandOver, person: Person) -> Handled:
        shift = self._core.home.shift
        if not shift.offered_to:
            raise RefusedError("The desk is offered to nobody.", code="TOC-4040")
        if shift.person and shift.person != person.name:
            raise RefusedError(f"{shift.person} has the desk; only they confirm the brief.", code="TOC-4004")
        text = self._core.opened(shift.brief)
        if command.digest and command.digest != _digest(text if isinstance(text, str) else ""):
            raise RefusedError("The brief is not the one that was shown.", code="TOC-4030")
        event = ev.ShiftChanged(step="confirmed", person=person.name, position=person.position, to=shift.offered_to)
        return [Draft(event)], {"to": shift.offered_to}

    def _accept(self, command: c.HandOver, person: Person) -> Handled:
        shift = self._core.home.shift
        if shift.offered_to != person.name:
            raise RefusedError(f"The desk was not offered to {person.name}.", code="TOC-4004")
        if not shift.confirmed:
            raise RefusedError(f"{shift.person or 'The outgoing'} has not confirmed the brief.", code="TOC-4040")
        return [Draft(ev.ShiftChanged(step="accepted", person=person.name, position=person.position))], {}

    def _refuse(self, command: c.HandOver, person: Person) -> Handled:
        shift = self._core.home.shift
        if not shift.offered_to:
            raise RefusedError("The desk is offered to nobody.", code="TOC-4040")
        if person.name not in (shift.offered_to, shift.person):
            raise RefusedError(f"The desk was not offered to {person.name}.", code="TOC-4004")
        event = ev.ShiftChanged(
            step="refused",
            person=person.name,
            position=person.position,
            to=shift.offered_to,
            brief=command.brief or None,
        )
        return [Draft(event)], {}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
