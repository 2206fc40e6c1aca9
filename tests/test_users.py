"""Users of a live world: what proves who they are, what they may do with it, and what stands where."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from typer.testing import CliRunner

from console import commands as c
from console.core import Draft
from console.gate import Hello
from console.link import Link
from console.people import Person
from console.user_secrets import TICKET_MS, UserSecrets
from console.users import FREE_ATTEMPTS, UserGate, changed
from picture.clock import SystemClock
from picture.errors import RefusedError
from picture.sealing import Keyring
from tests.scaffold import INES, NOON_MS, Room, build, decision, drill, effect, key_of, proposal
from tests.test_link import Site, until

ROOT, OPERATOR, OBSERVER = "Rosa Lund", "Omar Haddad", "Nils Berg"


class Wall:
    """The clock on the wall, moved by hand."""

    def __init__(self) -> None:
        self.at_ms = NOON_MS

    def now_ms(self) -> int:
        return self.at_ms

    def wait(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)


class Users:
    """A live world with three users, and what each of them was told once."""

    def __init__(self, room: Room, folder: Path) -> None:
        self.room, self.folder, self.wall = room, folder, Wall()
        self.keyring = Keyring(folder / "keys")
        self.secrets = UserSecrets(folder / "keys", self.keyring, self.wall.now_ms)
        self.told: dict[str, dict[str, str]] = {}
        self.change(action="add", name=ROOT, agency="EOC", role="supervisor", positions=("shift_lead",), admin=True)
        self.change(action="add", name=OPERATOR, agency="EOC", role="operator", positions=("duty_officer",))
        self.change(action="add", name=OBSERVER, agency="RC", role="observer", positions=("liaison",))
        self.gate = UserGate(room.core, self.secrets, self.wall.now_ms)

    def change(self, **fields: object) -> dict[str, str]:
        command = c.ChangeUser.model_validate(fields)
        event, shown = changed(command, self.room.core.home, self.secrets)
        self.room.core.record([Draft(event)])
        self.told.setdefault(command.name, {}).update(shown)
        return shown

    def digits(self, name: str) -> str:
        """What the user's authenticator shows, after waiting for fresh digits."""
        self.wall.wait(60)
        secret = parse_qs(urlsplit(self.told[name]["otpauth"]).query)["secret"][0]
        return pyotp.TOTP(secret).at(self.wall.at_ms // 1000)

    def link(self, site: Site, name: str, position: str, **given: str) -> Link:
        return Link(site.socket, name, position, key_of(name), **given)  # type: ignore[arg-type]


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Users]:
    with build(tmp_path, opened=False) as room:
        room.record(drill(world="live"))
        yield Users(room, tmp_path)


@pytest.fixture
def site(users: Users) -> Iterator[Site]:
    with TemporaryDirectory(prefix="tl") as short:
        yield Site(users.room, Path(short), users.gate)


@contextlib.asynccontextmanager
async def running(link: Link) -> AsyncIterator[Link]:
    """The link runs for the length of the block."""
    task = asyncio.create_task(link.run(lambda _: None))
    try:
        yield link
    finally:
        task.cancel()
        await asyncio.wait([task])


@contextlib.asynccontextmanager
async def sat(link: Link) -> AsyncIterator[Link]:
    """The same, once the core has let it in or has asked for something."""
    async with running(link):
        await until(lambda: link.state == "log_in" or (link.state == "live" and link.picture.cursor))
        yield link


def refusal(users: Users, name: str, position: str = "duty_officer", **given: str) -> str:
    with pytest.raises(RefusedError) as caught:
        users.gate.admit(Hello(person=name, position=position, **given))
    return caught.value.code


# --- coming in ------------------------------------------------------------------------------------------


async def test_an_operator_logs_in_with_a_token_and_enrols_the_first_key_with_a_second_factor(
    users: Users, site: Site
) -> None:
    token = users.told[OPERATOR]["token"]
    async with site.open():
        async with sat(users.link(site, OPERATOR, "duty_officer", token=token)) as link:
            assert link.state == "log_in" and "TOC-4033" in link.why
            link.log_in(token, users.digits(OPERATOR))
            await until(lambda: link.state == "live")
            assert (link.role, link.clearance) == ("operator", "operator")
        keys = users.room.core.home.users[OPERATOR].public_keys
        assert keys == (key_of(OPERATOR).public_key().public_bytes_raw().hex(),)
        async with sat(users.link(site, OPERATOR, "duty_officer", token=token)) as link:
            assert link.state == "live"  # the key is known: no second factor is asked


async def test_a_supervisor_shows_a_second_factor_at_every_log_in(users: Users, site: Site) -> None:
    token = users.told[ROOT]["token"]
    async with site.open():
        for _ in range(2):
            async with sat(users.link(site, ROOT, "shift_lead", token=token, totp=users.digits(ROOT))) as link:
                assert link.state == "live" and link.clearance == "full"
        async with sat(users.link(site, ROOT, "shift_lead", token=token)) as link:
            assert "TOC-4033" in link.why


def test_reaching_the_core_is_no_identity(users: Users) -> None:
    assert refusal(users, OPERATOR) == "TOC-4036"
    open_house = UserGate(users.room.core, users.secrets, users.wall.now_ms, onlookers=True)
    seat = open_house.admit(Hello(person=OPERATOR, position="duty_officer"))
    assert (seat.clearance, seat.person.role, open_house.ticket(seat)) == ("observer", "observer", "")
    assert seat.person.name != OPERATOR
    assert open_house.admit(Hello(person=" ", position="")).person.name == "Somebody (not logged in)"
    assert "\x1b" not in open_house.admit(Hello(person="\x1b[31mX", position="")).person.name
    with pytest.raises(RefusedError) as caught:
        seat.person.require("write_log")
    assert caught.value.code == "TOC-4004"
    with pytest.raises(RefusedError):  # three distances give away where a crew is, which is sealed
        seat.person.require("nearest_units")


def test_what_does_not_fit_is_refused_in_the_same_words_whatever_it_was(users: Users) -> None:
    token = users.told[OPERATOR]["token"]
    assert refusal(users, OPERATOR, token="wrong") == refusal(users, "Nobody", token=token) == "TOC-4031"
    assert refusal(users, OPERATOR, "port_captain", token=token) == "TOC-4034"
    assert refusal(users, ROOT, "shift_lead", token=users.told[ROOT]["token"], totp="000000") == "TOC-4031"


def test_guessing_is_slowed_down_and_the_right_token_waits_for_nobodys_guesses(users: Users) -> None:
    for _ in range(FREE_ATTEMPTS):
        assert refusal(users, OBSERVER, "liaison", token="wrong") == "TOC-4031"
    assert refusal(users, OBSERVER, "liaison", token="wrong") == "TOC-4032"
    token = users.told[OBSERVER]["token"]
    assert users.gate.admit(Hello(person=OBSERVER, position="liaison", token=token)).person.role == "observer"
    failed = list(users.room.core.journal.read(kinds=frozenset({"command.refused"})))
    assert len(failed) == FREE_ATTEMPTS


def test_guessing_digits_behind_a_token_is_slowed_down_for_whoever_has_it(users: Users) -> None:
    given = {"token": users.told[ROOT]["token"], "public_key": key_of(ROOT).public_key().public_bytes_raw().hex()}
    for _ in range(FREE_ATTEMPTS):
        assert refusal(users, ROOT, "shift_lead", totp="000000", **given) == "TOC-4031"
    assert refusal(users, ROOT, "shift_lead", totp="000000", **given) == "TOC-4032"
    admitted = users.gate.admit(Hello(person=ROOT, position="shift_lead", totp=users.digits(ROOT), **given))
    assert admitted.proof == "log-in"


def test_a_stranger_who_guesses_keeps_nobody_from_approving_at_their_desk(users: Users) -> None:
    users.room.record(proposal(effect(act_class="two_person")))
    given = {"token": users.told[ROOT]["token"], "totp": users.digits(ROOT)}
    key = key_of(ROOT).public_key().public_bytes_raw().hex()
    seat = users.gate.admit(Hello(person=ROOT, position="shift_lead", public_key=key, **given))
    digits = users.digits(ROOT)
    for _ in range(FREE_ATTEMPTS + 1):
        refusal(users, ROOT, "shift_lead", token="wrong")
    approval = decision(users.room, "P-1", person=seat.person).model_copy(update={"totp": digits})
    users.gate.allow(seat, approval)


def test_digits_fit_once_and_only_near_their_time(users: Users) -> None:
    digits = users.digits(OPERATOR)
    assert users.secrets.totp_fits(OPERATOR, digits) and not users.secrets.totp_fits(OPERATOR, digits)
    early = users.digits(OPERATOR)
    users.wall.wait(120)
    assert not users.secrets.totp_fits(OPERATOR, early) and not users.secrets.totp_fits(OBSERVER, early)


def test_a_token_ends_with_its_days_and_with_the_next_one(users: Users) -> None:
    first = users.told[OBSERVER]["token"]
    assert users.secrets.token_fits(OBSERVER, first)
    second = users.change(action="token", name=OBSERVER, days=2)["token"]
    assert users.secrets.token_fits(OBSERVER, second) and not users.secrets.token_fits(OBSERVER, first)
    users.wall.wait(2 * 86_400)
    assert not users.secrets.token_fits(OBSERVER, second)


def test_a_ticket_brings_back_only_the_client_it_was_given_to(users: Users) -> None:
    secrets, mine = users.secrets, (OPERATOR, "duty_officer", "ab")
    ticket = secrets.ticket(*mine, "S-1")
    assert secrets.session_of(ticket, *mine) == "S-1"
    for other in ((ROOT, *mine[1:]), (OPERATOR, "port_captain", "ab"), (OPERATOR, "duty_officer", "cd")):
        assert not secrets.session_of(ticket, *other)
    for broken in (ticket[:-1] + ("0" if ticket[-1] != "0" else "1"), "x", "", "é.ü", ticket.replace(".", "")):
        assert not secrets.session_of(broken, *mine)
    users.wall.wait(TICKET_MS / 1000)
    assert not secrets.session_of(ticket, *mine)
    ticket = secrets.ticket(*mine, "S-1")
    users.change(action="token", name=OPERATOR)
    assert not secrets.session_of(ticket, *mine)


# --- at the desk ----------------------------------------------------------------------------------------


async def test_a_broken_link_comes_back_without_a_new_log_in_and_a_closed_user_is_shown_out(
    users: Users, site: Site
) -> None:
    token = users.told[OPERATOR]["token"]
    link = users.link(site, OPERATOR, "duty_officer", token=token, totp=users.digits(OPERATOR))
    async with running(link):
        async with site.open():
            await until(lambda: link.state == "live")
            session = next(iter(users.room.core.home.sessions))
        await until(lambda: link.state == "down")
        async with site.open():
            await until(lambda: link.state == "live" and session in users.room.core.home.sessions)
            users.change(action="close", name=OPERATOR)
            await until(lambda: link.state == "log_in")
            assert "TOC-4036" in link.why


async def test_a_public_alert_is_approved_only_with_a_fresh_second_factor_and_a_registered_key(
    users: Users, site: Site
) -> None:
    token = users.told[OPERATOR]["token"]
    users.room.record(proposal(effect(1, "two_person"), quorum=2), proposal(identifier="P-2"))
    async with (
        site.open(),
        sat(users.link(site, OPERATOR, "duty_officer", token=token, totp=users.digits(OPERATOR))) as link,
    ):
        public, plain = link.picture.proposals["P-1"], link.picture.proposals["P-2"]
        for totp, code in (("", "TOC-4033"), ("000000", "TOC-4031")):
            with pytest.raises(RefusedError) as caught:
                await link.command(link.decide(public, "approve", totp=totp))
            assert caught.value.code == code
        assert (await link.command(link.decide(plain, "approve")))["status"] == "executed"
        digits = users.digits(OPERATOR)
        assert (await link.command(link.decide(public, "approve", totp=digits)))["status"] == "waiting"
        link._key = key_of("another client")
        users.room.record(proposal(identifier="P-3"))
        await until(lambda: "P-3" in link.picture.proposals)
        with pytest.raises(RefusedError) as caught:
            await link.command(link.decide(link.picture.proposals["P-3"], "approve"))
        assert caught.value.code == "TOC-4035"
        said = "".join(repr(one) for one in users.room.core.journal.read())
        assert digits not in said and token not in said


async def test_only_a_supervisor_who_administers_users_changes_them_and_with_a_second_factor(
    users: Users, site: Site
) -> None:
    token = users.told[OPERATOR]["token"]
    add = c.ChangeUser(action="add", name="New", agency="EOC", role="operator", positions=("duty_officer",))
    async with site.open():
        link = users.link(site, OPERATOR, "duty_officer", token=token, totp=users.digits(OPERATOR))
        async with sat(link):
            with pytest.raises(RefusedError) as caught:
                await link.command(add)
            assert caught.value.code in ("TOC-4004", "TOC-4043")
        link = users.link(site, ROOT, "shift_lead", token=users.told[ROOT]["token"], totp=users.digits(ROOT))
        async with sat(link):
            with pytest.raises(RefusedError) as caught:
                await link.command(add)
            assert caught.value.code == "TOC-4033"
            answer = await link.command(add.model_copy(update={"totp": users.digits(ROOT)}))
            assert users.secrets.token_fits("New", answer["token"]) and answer["otpauth"].startswith("otpauth://totp/")
        last = list(users.room.core.journal.read(kinds=frozenset({"user.changed"})))[-1]
        assert last.actor.person == ROOT and answer["token"] not in repr(last)


async def test_a_locked_desk_opens_by_second_factor_and_by_nothing_less(users: Users, site: Site) -> None:
    token = users.told[OPERATOR]["token"]
    link = users.link(site, OPERATOR, "duty_officer", token=token, totp=users.digits(OPERATOR))
    async with site.open(), sat(link):
        await link.lock()
        for wrong in ({}, {"pin": "0000"}, {"token": "wrong"}, {"totp": "000000"}):
            with pytest.raises(RefusedError) as caught:
                await link.unlock(**wrong)
            assert caught.value.code == "TOC-4031"
        await link.unlock(totp=users.digits(OPERATOR))
        await link.lock()
        await link.unlock(token=token)
        assert not link.locked


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"role": "exercise_control"}, "Roles here"),
        ({"role": "king"}, "Roles here"),
        ({"positions": ()}, "position"),
        ({"admin": True}, "supervisor"),
        ({"name": ROOT}, "already"),
    ],
)
def test_a_user_that_cannot_be_is_refused_and_nothing_is_issued(
    users: Users, fields: dict[str, object], why: str
) -> None:
    known = {"action": "add", "name": "New", "agency": "EOC", "role": "operator", "positions": ("duty_officer",)}
    with pytest.raises(RefusedError) as caught:
        users.change(**(known | fields))
    assert caught.value.code == "TOC-4042" and why in caught.value.message
    assert not users.secrets.has_totp("New")


@pytest.mark.parametrize(
    "name", [" Rosa Lund", "rosa  lund", "ROSA LUND", "Rosa Lund\u200b", "Rosa\u00a0Lund", "Eve (not logged in)", " "]
)
def test_nobody_is_added_who_looks_like_somebody_else(users: Users, name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        users.change(action="add", name=name, agency="EOC", role="operator", positions=("duty_officer",))
    assert caught.value.code == "TOC-4042" and name not in users.room.core.home.users


def test_one_key_is_one_hand(users: Users) -> None:
    users.change(action="key", name=OPERATOR, key="ab" * 32)
    for name, key in ((ROOT, "ab" * 32), (OPERATOR, "ab" * 32), (ROOT, "short"), (ROOT, "AB" * 32)):
        with pytest.raises(RefusedError) as caught:
            users.change(action="key", name=name, key=key)
        assert caught.value.code == "TOC-4042"


def test_a_decision_counts_under_a_registered_key_only_however_it_came_in(users: Users) -> None:
    users.room.record(proposal())
    decide = decision(users.room, "P-1", person=INES)
    for person, code in ((INES, "TOC-4036"), (Person(OPERATOR, "duty_officer", "EOC"), "TOC-4035")):
        with pytest.raises(RefusedError) as caught:
            users.room.do(decide, person)
        assert caught.value.code == code
    assert not users.room.core.home.decisions


def test_the_approval_of_somebody_who_was_closed_since_does_not_count_and_the_next_hears_so(users: Users) -> None:
    people = {name: Person(name, "duty_officer", "EOC") for name in (ROOT, OPERATOR, "Ida Falk")}
    users.change(action="add", name="Ida Falk", agency="EOC", role="operator", positions=("duty_officer",))
    for name in people:
        users.change(action="key", name=name, key=key_of(name).public_key().public_bytes_raw().hex())
    two = effect(1, "two_person")
    users.room.record(proposal(two, quorum=2), proposal(two, identifier="P-2", quorum=2))
    for identifier in ("P-1", "P-2"):
        users.room.do(decision(users.room, identifier, person=people[OPERATOR]), people[OPERATOR])
    users.room.do(decision(users.room, "P-2", person=people[ROOT]), people[ROOT])
    users.change(action="close", name=OPERATOR)
    answer = users.room.do(decision(users.room, "P-1", person=people["Ida Falk"]), people["Ida Falk"])
    assert answer == {"status": "refused", "diff": [f"{OPERATOR} approved it, and is no user any more"]}
    assert users.room.core.home.proposals["P-2"].status == "executed"  # both were there then


# --- what lies where --------------------------------------------------------------------------------------


def test_no_secret_stands_in_clear_anywhere(users: Users) -> None:
    secret = parse_qs(urlsplit(users.told[OPERATOR]["otpauth"]).query)["secret"][0]
    files = [path for path in users.folder.rglob("*") if path.is_file()]
    assert not [one for one in files if {secret, users.told[OPERATOR]["token"]} & set(_words(one))]
    kept = [path for path in (users.folder / "keys" / "users").iterdir()]
    assert len(kept) == 4 and all(path.stat().st_mode & 0o777 == 0o600 for path in kept)
    assert not [path for path in kept if OPERATOR.split(maxsplit=1)[0] in path.name]


def _words(path: Path) -> list[str]:
    text = path.read_bytes().decode("latin-1")
    return [one for one in text.replace('"', " ").replace(",", " ").split()]


def test_the_command_line_adds_and_lists_users_of_a_stopped_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from console.cli import app

    live = tmp_path / "worlds" / "live"
    live.mkdir(parents=True)
    with build(live, opened=False) as room:
        room.record(drill(world="live"))
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    given = [
        "user",
        "add",
        "Ada Quay",
        "--agency",
        "EOC",
        "--role",
        "supervisor",
        "--position",
        "shift_lead",
        "--admin",
    ]
    done = CliRunner().invoke(app, [*given, "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)
    secrets = UserSecrets(live / "keys", Keyring(live / "keys"), SystemClock().now_ms)
    assert secrets.token_fits("Ada Quay", shown["token"]) and shown["otpauth"].startswith("otpauth://")
    listed = json.loads(CliRunner().invoke(app, ["user", "list", "--json"]).stdout)["users"]
    assert [(one["name"], one["role"], one["admin"], one["active"]) for one in listed] == [
        ("Ada Quay", "supervisor", True, True)
    ]
    assert CliRunner().invoke(app, ["user", "close", "Ada Quay"]).exit_code == 0
    assert "closed" in CliRunner().invoke(app, ["user", "list"]).stdout
    assert not secrets.token_fits("Ada Quay", shown["token"])
