"""What the tests of fold, desk, executor, ingest and link share: a real journal, a core, a city, people with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console import commands as c
from console.city import City
from console.commander import Commander
from console.core import Core, Draft
from console.desk import Desk, Located, Way
from console.executor import Executor
from console.ingest import Ingest
from console.people import Person
from picture import events as ev
from picture.clock import VirtualClock
from picture.decisions import proposal_digest, quorum_of, sign
from picture.entry import Actor, Entry
from picture.events import Event, clear_part, sealed_values
from picture.journal import BlobStore, SqliteJournal
from picture.model import Proposal, Unit
from picture.sealing import Keyring, core_signing_key
from twin.pack import CityPack
from twin.source import ensure_pack

NOON_MS = 1_795_348_800_000
STREAM = "drill.test"
MINUTE_MS = 60_000


def drill(start_ms: int = NOON_MS, world: str = "drill") -> ev.WorldOpened:
    return ev.WorldOpened.model_validate(
        {"site": "Port Meridian", "world": world, "city": "port-meridian", "scenario": "test", "start_ms": start_ms}
    )


def unit(name: str = "E12", *, lon_e7: int = -300_000_000, lat_e7: int = 460_000_000, **fields: Any) -> Event:
    known = {
        "id": name, "name": name, "agency": "MFD", "nims_kind": "Fire Engine", "nims_type": 1, "station": "FS-1",
        "home_lon_e7": lon_e7, "home_lat_e7": lat_e7, "profile": "engine", "wading_mm": 500, "crew": 4,
    }  # fmt: skip
    return ev.UnitRegistered.model_validate(known | fields)


def entry(
    event: Event, seq: int, *, at_ms: int = NOON_MS, stream: str = STREAM, actor: str = "t", **fields: Any
) -> Entry:
    """An entry as a journal would give it back, without a journal."""
    sealed = tuple(path for path, _ in sealed_values(event))
    known: dict[str, Any] = {
        "source": "",
        "grade": "",
        "agreement": "",
        "cause": (),
        "commit_id": f"c{seq}",
        "index": 0,
    } | fields
    return Entry(
        v=1, stream=stream, seq=seq, kind=event.kind, kind_v=event.version, at_ms=at_ms, recorded_ms=at_ms,
        actor=Actor(actor), payload_digest="", prev="", hash="", event=clear_part(event), sealed=sealed, **known,
    )  # fmt: skip


def entries(events: Iterable[Event], **fields: Any) -> list[Entry]:
    """The events as entries 1, 2, 3 … a second apart."""
    return [entry(event, seq, at_ms=NOON_MS + seq * 1000, **fields) for seq, event in enumerate(events, 1)]


def open_journal(folder: Path, stream: str = STREAM, *, blob_bytes: int = 1 << 20) -> SqliteJournal:
    keyring = Keyring(folder / "keys")
    return SqliteJournal(
        folder / "journal", stream, keyring=keyring, signing_key=core_signing_key(folder / "keys"),
        blobs=BlobStore(folder / "blobs", keyring, quota_bytes=blob_bytes),
    )  # fmt: skip


@cache
def shipped_city(home: Path) -> City:
    """Port Meridian as shipped, built once per run; a room's roads are its own after ``hear``."""
    pack = ensure_pack("port-meridian", home / "cache")
    return City(CityPack.open(pack), home / "cache" / "order")


class Nowhere:
    """A city that knows nothing: the desk must work all the same."""

    def find(self, said: str) -> Sequence[Located]:
        return ()

    def describe(self, lon: float, lat: float) -> str:
        return ""

    def way(self, unit: Unit, lon: float, lat: float, start: tuple[float, float] | None = None) -> Way | None:
        return None


@dataclass
class Room:
    """A control room: a core with its desk, executor and commander."""

    core: Core
    desk: Desk
    executor: Executor
    commander: Commander
    carried: list[Proposal]

    def record(self, *events: Event, source: str = "") -> list[Entry]:
        for event in events:
            self.core.ids.saw(str(getattr(event, "id", "")))
        return self.core.record([Draft(event, source=source) for event in events])

    def do(self, command: c.Command, person: Person | None = None) -> dict[str, Any]:
        return self.commander.give(command, person or INES)

    def kinds(self) -> list[str]:
        return [one.kind for one in self.core.journal.read()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.core.journal.close()

    def wait(self, ms: int) -> None:
        self.core.clock.advance_to(self.core.now_ms() + ms)


INES = Person("Ines Prado", "duty_officer", "EOC")
OMAR = Person("Omar Haddad", "port_captain", "PMHA")

CarryOut = Callable[[Proposal], Sequence[Event]]


def build(
    folder: Path,
    *,
    locator: Any = None,
    carry_out: CarryOut | None = None,
    opened: bool = True,
    blob_bytes: int = 1 << 20,
) -> Room:
    """A room over the journal of ``folder``; the effects of a proposal are a request each, unless told otherwise."""
    core = Core(journal=open_journal(folder, blob_bytes=blob_bytes), clock=VirtualClock(NOON_MS), seed="test:1")
    carried: list[Proposal] = []

    def requests(proposal: Proposal) -> Sequence[Event]:
        carried.append(proposal)
        return [
            ev.RequestMade(id=f"RQ-{effect.id}", to=str(dict(effect.args)["to"]), what=effect.summary, subject="S-1",
                           proposal=proposal.id)
            for effect in proposal.effects
        ]  # fmt: skip

    desk = Desk(core, locator or Nowhere())
    executor = Executor(core, carry_out or requests)
    core.react_with("executor", executor.react)
    if opened:
        core.record([Draft(drill()), Draft(unit("E12")), Draft(unit("E7")), Draft(unit("A3", profile="ambulance"))])
    return Room(core, desk, executor, Commander(core, desk, executor), carried)


def hear(room: Room, city: City, grades: dict[str, str] | None = None) -> Ingest:
    """The room's ear, wired as a drill wires it."""
    ingest = Ingest(room.core, city, grades or {})
    room.core.listen(ingest.follow)
    room.core.listen(ingest.follow_roads)
    city.follow(room.core.home)
    return ingest


@cache
def key_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")[:32])


def effect(number: int = 1, act_class: str = "act_if_approved", **args: Any) -> ev.EffectModel:
    return ev.EffectModel(
        id=f"F-{number}", verb="request.make", act_class=act_class, summary=f"ask for {number}",
        args={"to": "grid control", "recipients": ["duty engineer", "port"], **args},
    )  # fmt: skip


def proposal(
    *effects: ev.EffectModel, watched: tuple[ev.WatchedModel, ...] = (), identifier: str = "P-1", quorum: int = 1,
    due_ms: int = NOON_MS + 10 * MINUTE_MS, **fields: Any,
) -> ev.ProposalMade:  # fmt: skip
    """A proposal with its right digest."""
    effects = effects or (effect(),)
    quorum = quorum_of(effects, quorum)
    digest = proposal_digest(effects, watched, due_ms=due_ms, playbook="surge", playbook_version=3, quorum=quorum)
    known = {
        "id": identifier, "title": "Isolate the substation", "playbook": "surge", "playbook_version": 3,
        "effects": effects, "watched": watched, "due_ms": due_ms, "digest": digest, "quorum": quorum,
    }  # fmt: skip
    return ev.ProposalMade.model_validate(known | fields)


def decision(room: Room, identifier: str, verdict: str = "approve", person: Person = INES, **changes: Any) -> c.Decide:
    """A person's signed decision on a proposal as it stands."""
    one = room.executor.proposal(identifier)
    public, signature = sign(key_of(person.name), one.id, one.digest, verdict, person.name, person.position)
    plain = {"proposal": one.id, "digest": one.digest, "verdict": verdict, "public_key": public, "signature": signature}
    return c.Decide.model_validate(plain | changes)
