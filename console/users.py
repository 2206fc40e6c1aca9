"""The users of a live world: how they are changed, and the gate that lets them in.

Who may log in is a fact and stands in the journal (``user.changed``); what proves it does not
(``console.user_secrets``). Reaching the socket proves nothing: without a log-in a client may look on at most.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

from console.clearance import clearance_of
from console.commands import ChangeUser, Command, Decide
from console.core import Core, Draft
from console.desk import Handled
from console.gate import Hello, Seat
from console.people import ROLES, Person
from console.user_secrets import UserSecrets
from picture import events as ev
from picture.errors import RefusedError
from picture.keeping import User
from picture.model import StreamPicture
from picture.text import visible

SECOND_FACTOR_ROLES = frozenset({"supervisor"})
"""Who shows a second factor at every log-in; everybody else at their first, and for public alerts."""
NOT_LOGGED_IN = "(not logged in)"
"""What the name of somebody who only looks on ends with, and no user's."""
FREE_ATTEMPTS = 5
LONGEST_WAIT_MS = 60_000
_FORGOTTEN_MS = 15 * 60_000
_MOST_NAMES = 10_000


Where = Literal["token", "door", "seat"]
"""What was tried: a token; the second factor behind a token that fits; either of them by somebody who is seated."""


class Attempts:
    """Counts what did not fit, by name: after ``FREE_ATTEMPTS`` each one waits twice as long, a minute at most.

    Each place is counted by itself, and a token that fits waits for nobody: else whoever reaches the core could keep
    a user from logging in, or a supervisor at their desk from approving an alert, by guessing in their name.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._failed: dict[str, tuple[int, int]] = {}

    def check(self, name: str) -> None:
        """Nothing, or ``RefusedError`` TOC-4032 with the time to wait."""
        failed, since_ms = self._failed.get(name, (0, 0))
        if failed < FREE_ATTEMPTS:
            return
        wait_ms = min(1000 << min(failed - FREE_ATTEMPTS, 10), LONGEST_WAIT_MS) - (self._now_ms() - since_ms)
        if wait_ms > 0:
            raise RefusedError(f"Wait {-(-wait_ms // 1000)} s.", code="TOC-4032")

    def failed(self, name: str) -> None:
        now = self._now_ms()
        if len(self._failed) >= _MOST_NAMES:
            self._failed = {one: seen for one, seen in self._failed.items() if now - seen[1] < _FORGOTTEN_MS}
        failed, since_ms = self._failed.get(name, (0, now))
        self._failed[name] = (1 if now - since_ms > _FORGOTTEN_MS else failed + 1, now)

    def passed(self, name: str) -> None:
        self._failed.pop(name, None)


def changed(command: ChangeUser, home: StreamPicture, secrets: UserSecrets) -> tuple[ev.UserChanged, dict[str, str]]:
    """The entry that a change of a user becomes, and what is shown once; ``RefusedError`` TOC-4042 where it may not be.

    Whether whoever asks may change users at all is judged before.
    """
    known = home.users.get(command.name)
    if command.action == "add":
        return _added(command, known, home, secrets)
    if known is None or not known.active:
        raise RefusedError(f"There is no user {command.name}.", code="TOC-4042")
    if command.action == "close":
        secrets.forget(command.name)
        return _event(known, active=False), {}
    if command.action == "token":
        return _event(known), {"token": secrets.new_token(command.name, command.days)}
    if command.action == "totp":
        return _event(known), {"otpauth": secrets.new_totp(command.name, _issuer(home))}
    return _event(known, keys=(*known.public_keys, _key_free(command.key, command.name, home))), {}


def _added(
    command: ChangeUser, known: User | None, home: StreamPicture, secrets: UserSecrets
) -> tuple[ev.UserChanged, dict[str, str]]:
    if known is not None and known.active:
        raise RefusedError(f"{command.name} is a user already.", code="TOC-4042")
    _require_name(command.name, home)
    allowed = set(ROLES) - {"exercise_control"}
    if command.role not in allowed:
        raise RefusedError(f"Roles here: {', '.join(sorted(allowed))}.", code="TOC-4042")
    if not command.positions or not command.agency:
        raise RefusedError("Give the agency and at least one position.", code="TOC-4042")
    if command.admin and command.role != "supervisor":
        raise RefusedError("Only a supervisor administers users.", code="TOC-4042")
    secrets.forget(command.name)
    shown = {"token": secrets.new_token(command.name, command.days)}
    if command.role != "observer":
        shown["otpauth"] = secrets.new_totp(command.name, _issuer(home))
    event = ev.UserChanged(
        name=command.name,
        agency=command.agency,
        role=command.role,
        positions=tuple(dict.fromkeys(command.positions)),
        admin=command.admin,
    )
    return event, shown


def _require_name(name: str, home: StreamPicture) -> None:
    """Nothing where the name is nobody else's on any screen: two that look alike would be two persons to a quorum."""
    if name != visible(name).strip() or name.endswith(NOT_LOGGED_IN):
        raise RefusedError("A name is plain text, without spaces around it.", code="TOC-4042")
    alike = next((one for one in home.users if one != name and _looks(one) == _looks(name)), "")
    if alike:
        raise RefusedError(f"{name} looks like {alike}.", code="TOC-4042")


def _looks(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _issuer(home: StreamPicture) -> str:
    return f"Tocsin {home.world} {home.site}".replace(":", " ")


def _key_free(key: str, name: str, home: StreamPicture) -> str:
    """The key, if it is one and nobody's yet: one key is one hand."""
    if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
        raise RefusedError("A key is 64 hexadecimal digits.", code="TOC-4042")
    holder = next((one.name for one in home.users.values() if key in one.public_keys), "")
    if holder:
        raise RefusedError(
            f"That key is {'registered already' if holder == name else 'another user’s'}.", code="TOC-4042"
        )
    return key


def _event(user: User, *, active: bool = True, keys: tuple[str, ...] | None = None) -> ev.UserChanged:
    return ev.UserChanged(
        name=user.name,
        agency=user.agency,
        role=user.role,
        positions=user.positions,
        public_keys=user.public_keys if keys is None else keys,
        active=active,
        admin=user.admin,
    )


def _at(where: Where, name: str) -> str:
    return f"{where}\x1f{name}"


class UserGate:
    """Lets the users of a world in by token and second factor, and holds them to what they may do."""

    def __init__(self, core: Core, secrets: UserSecrets, now_ms: Callable[[], int], *, onlookers: bool = False) -> None:
        """``now_ms`` is the wall's clock. ``onlookers``: whoever reaches the core may look, as an observer, unnamed."""
        self._core, self._secrets = core, secrets
        self._onlookers = onlookers
        self._attempts = Attempts(now_ms)

    # --- coming in ------------------------------------------------------------------------------------------

    def admit(self, hello: Hello) -> Seat:
        if hello.ticket:
            return self._back(hello)
        if not hello.token:
            return self._looking_on(hello)
        user = self._core.home.users.get(hello.person)
        if not self._secrets.token_fits(hello.person, hello.token) or user is None or not user.active:
            self._attempts.check(_at("token", hello.person))
            raise self._unfit(hello.person, "token")
        if hello.position not in user.positions:
            raise RefusedError(f"{user.name} holds: {', '.join(user.positions)}.", code="TOC-4034")
        first = bool(hello.public_key) and not user.public_keys and user.role != "observer"
        if user.role in SECOND_FACTOR_ROLES or first:
            self._second_factor(user.name, hello.totp, "door")
        self._attempts.passed(_at("token", user.name))
        if first:
            self._enrol(user, hello)
        return self._seat(user, hello, "log-in")

    def _looking_on(self, hello: Hello) -> Seat:
        if not self._onlookers:
            raise RefusedError(code="TOC-4036")
        name = visible(hello.person).strip() or "Somebody"
        person = Person(f"{name} {NOT_LOGGED_IN}", "", "", "observer")
        return Seat(person, "observer", hello.client)

    def _back(self, hello: Hello) -> Seat:
        """The seat of a client whose link broke, by its ticket; the user is judged as they are now."""
        session = self._secrets.session_of(hello.ticket, hello.person, hello.position, hello.public_key)
        user = self._core.home.users.get(hello.person)
        if not session or user is None or not user.active or hello.position not in user.positions:
            raise RefusedError("The session is over.", code="TOC-4036")
        seat = self._seat(user, hello, "ticket")
        seat.session = session
        return seat

    def _seat(self, user: User, hello: Hello, proof: Literal["log-in", "ticket"]) -> Seat:
        person = Person(user.name, hello.position, user.agency, user.role, hello.public_key)
        return Seat(person, clearance_of(user.role), hello.client, proof)

    def _enrol(self, user: User, hello: Hello) -> None:
        """The key of the first client a user logs in at; later ones are registered by an administrator."""
        event = _event(user, keys=(_key_free(hello.public_key, user.name, self._core.home),))
        actor = Person(user.name, hello.position, user.agency).actor
        self._core.record([Draft(event)], actor=actor)

    def _second_factor(self, name: str, digits: str, where: Where) -> None:
        if not digits:
            raise RefusedError(code="TOC-4033")
        self._attempts.check(_at(where, name))
        if not self._secrets.totp_fits(name, digits):
            raise self._unfit(name, where)
        self._attempts.passed(_at(where, name))

    def _unfit(self, name: str, where: Where) -> RefusedError:
        """The refusal, the same whatever did not fit; what was tried on a user stands in the journal."""
        self._attempts.failed(_at(where, name))
        if name in self._core.home.users:
            self._core.record([Draft(ev.CommandRefused(command="log_in", code="TOC-4031", detail=name))])
        return RefusedError(code="TOC-4031")

    def ticket(self, seat: Seat) -> str:
        if seat.proof == "name":
            return ""
        return self._secrets.ticket(seat.person.name, seat.person.position, seat.person.public_key, seat.session)

    # --- from a seat ----------------------------------------------------------------------------------------

    def allow(self, seat: Seat, command: Command) -> None:
        if seat.proof == "name":
            if isinstance(command, (Decide, ChangeUser)):
                raise RefusedError(code="TOC-4036")
            return
        if not self.still(seat):
            raise RefusedError("The user was changed or closed since.", code="TOC-4036")
        if isinstance(command, Decide):
            self._allow_decision(self._core.home.users[seat.person.name], command)

    def still(self, seat: Seat) -> bool:
        user, person = self._core.home.users.get(seat.person.name), seat.person
        if seat.proof == "name":
            return True
        same = user is not None and (user.role, user.agency) == (person.role, person.agency)
        return same and user is not None and user.active and person.position in user.positions

    def _allow_decision(self, user: User, command: Decide) -> None:
        """Two-person effects are approved with a second factor shown for this very decision."""
        proposal = self._core.home.proposals.get(command.proposal)
        guarded = proposal is not None and any(one.act_class == "two_person" for one in proposal.effects)
        if command.public_key not in user.public_keys:
            raise RefusedError(f"The key is not registered for {user.name}.", code="TOC-4035")
        if guarded and command.verdict == "approve":
            self._second_factor(user.name, command.totp, "seat")

    def prove(self, seat: Seat, token: str, totp: str) -> None:
        name = seat.person.name
        self._attempts.check(_at("seat", name))
        if not ((token and self._secrets.token_fits(name, token)) or (totp and self._secrets.totp_fits(name, totp))):
            raise self._unfit(name, "seat")
        self._attempts.passed(_at("seat", name))

    def change_user(self, seat: Seat, command: ChangeUser) -> Handled:
        user = self._core.home.users.get(seat.person.name)
        if user is None or not user.admin or user.role != "supervisor":
            raise RefusedError(code="TOC-4043")
        self._second_factor(user.name, command.totp, "seat")
        event, shown = changed(command, self._core.home, self._secrets)
        return [Draft(event)], dict(shown)
