"""Who sits at which client now, and whether it is locked; every change is an entry.

A locked client gets no sealed value and gives no command but to unlock it. The lock outlives its connection and the
core: whoever comes back to a locked session finds it locked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Literal

from console import commands as c
from console.core import Core, Draft
from console.desk import Handled
from console.gate import Gate, Seat
from picture import events as ev
from picture.errors import RefusedError

State = Literal["opened", "closed", "locked", "unlocked"]
PIN_LENGTH = 4
MOST_WRONG_PINS = 5
"""After so many the PIN opens nothing any more; token and second factor still do."""


class _Pin:
    """A PIN as it is kept in memory, for as long as the lock stands."""

    def __init__(self, pin: str) -> None:
        self._salt = os.urandom(16)
        self._digest = self._hashed(pin)
        self._wrong = 0

    def _hashed(self, pin: str) -> bytes:
        return hashlib.scrypt(pin.encode(), salt=self._salt, n=1 << 12, r=8, p=1)

    def fits(self, pin: str) -> bool:
        if self._wrong >= MOST_WRONG_PINS:
            return False
        fits = hmac.compare_digest(self._hashed(pin), self._digest)
        self._wrong += not fits
        return fits


class Sessions:
    """The seats of one core."""

    def __init__(self, core: Core, gate: Gate) -> None:
        self._core = core
        self._gate = gate
        self._locked: dict[str, str] = {}
        """Locked sessions, present or left, and whose."""
        self._pins: dict[str, _Pin] = {}
        self._open: dict[str, int] = {}
        for entry in core.journal.read(kinds=frozenset({"session.changed"})):
            event = entry.event
            if isinstance(event, ev.SessionChanged):
                core.ids.saw(event.id)
                if event.state == "locked":
                    self._locked[event.id] = event.person
                elif event.state == "unlocked":
                    self._locked.pop(event.id, None)

    def tidy(self) -> None:
        """Closes the sessions that an earlier core left open when it died."""
        left = [one for one in self._core.home.sessions.values() if one.id not in self._open]
        self._core.record(
            [
                Draft(
                    ev.SessionChanged(
                        id=one.id, person=one.person, position=one.position, role=one.role, state="closed"
                    )
                )
                for one in left
            ]
        )

    def open(self, seat: Seat) -> None:
        """Seats somebody: back at their session, locked if it was locked, or at a new one."""
        if not seat.session and seat.proof == "name":
            # A name alone does not open what the same name locked.
            seat.session = next((key for key, person in self._locked.items() if person == seat.person.name), "")
        seat.session = seat.session or self._core.ids.new("S")
        seat.locked = seat.session in self._locked
        self._open[seat.session] = self._open.get(seat.session, 0) + 1
        self._record(seat, "opened")
        if seat.locked:
            self._record(seat, "locked")

    def close(self, seat: Seat) -> None:
        """The client has gone; a lock stays."""
        self._open[seat.session] -= 1
        if not self._open[seat.session]:
            del self._open[seat.session]
            self._record(seat, "closed")

    def _record(self, seat: Seat, state: State) -> None:
        self._core.record([_changed(seat, state)], actor=seat.person.actor)

    # --- locking --------------------------------------------------------------------------------------------

    def lock(self, seat: Seat, command: c.Lock) -> Handled:
        if 0 < len(command.pin) < PIN_LENGTH:
            raise RefusedError(f"A PIN has {PIN_LENGTH} characters or more.")
        if seat.locked:
            raise RefusedError("It is locked already.", code="TOC-4009")
        seat.locked = True
        self._locked[seat.session] = seat.person.name
        if command.pin:
            self._pins[seat.session] = _Pin(command.pin)
        return [_changed(seat, "locked")], {"locked": True}

    def unlock(self, seat: Seat, command: c.Unlock) -> Handled:
        """Opens by the PIN, else by what the gate proves."""
        if not seat.locked:
            raise RefusedError("It is not locked.", code="TOC-4009")
        pin = self._pins.get(seat.session)
        if command.pin or (seat.proof == "name" and pin is None):
            # In a drill, where nobody has a secret, a lock without a PIN is a sign at the door and no more.
            if pin is not None and not pin.fits(command.pin):
                raise RefusedError("The PIN does not fit.", code="TOC-4031")
            if pin is None and seat.proof != "name":
                raise RefusedError("It was locked without a PIN.", code="TOC-4031")
        else:
            self._gate.prove(seat, command.token, command.totp)
        seat.locked = False
        self._locked.pop(seat.session, None)
        self._pins.pop(seat.session, None)
        return [_changed(seat, "unlocked")], {"locked": False}


class AtSeat:
    """A seat as the commander sees it."""

    def __init__(self, seat: Seat, gate: Gate, sessions: Sessions) -> None:
        self._seat, self._gate, self._sessions = seat, gate, sessions

    def allow(self, command: c.Command) -> None:
        if self._seat.locked and not isinstance(command, c.Unlock):
            raise RefusedError(code="TOC-4037")
        self._gate.allow(self._seat, command)

    def handle(self, command: c.Command) -> Handled | None:
        if isinstance(command, c.Lock):
            return self._sessions.lock(self._seat, command)
        if isinstance(command, c.Unlock):
            return self._sessions.unlock(self._seat, command)
        if isinstance(command, c.ChangeUser):
            return self._gate.change_user(self._seat, command)
        return None


def _changed(seat: Seat, state: State) -> Draft:
    return Draft(
        ev.SessionChanged(
            id=seat.session,
            person=seat.person.name,
            position=seat.person.position,
            role=seat.person.role,
            state=state,
            clearance=seat.clearance,
            client=seat.client,
        )
    )
