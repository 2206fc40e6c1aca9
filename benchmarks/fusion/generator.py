"""Reports whose truth is known, made without looking at how they will be judged.

What the scorer assumes is broken on purpose: errors of place are heavy-tailed and clustered (a whole neighbourhood is
located at one mast, a call at its street's middle), stated uncertainty is too small for one report in four, clocks
of sources are wrong, words come in bursts with a second wave, one kind in seven is wrong, and near misses stand
beside real duplicates: two fires in one street within half an hour. Nothing here imports ``picture.fusion``.

Some nine in ten true pairs lie within 400 m and 60 min: whoever never joins across more cannot find the others.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from picture.reports import IncidentReport

Reporter = Literal["call_taker", "citizen", "officer", "agency", "sensor"]
Density = Literal["sparse", "medium", "crowded"]
PER_KM2_H: dict[Density, float] = {"sparse": 0.15, "medium": 0.8, "crowded": 3.0}
"""New incidents a square kilometre and hour: a bad night, a storm, the worst hour of a storm."""
SIDE_KM = 8.0
HOURS = 6.0
TRAINING_SEEDS = (1, 2, 3)
HELD_OUT_SEEDS = (101, 102, 103, 104, 105)

ORIGIN = (-30.0, 46.0)
START_MS = 1_780_000_000_000
_METRES = 111_320.0

KINDS: dict[str, tuple[float, str, str]] = {
    # kind: (share, what witnesses take it for, words they use)
    "flood": (20, "road_blocked trapped other", "water rising cellar flooded drain overflowing knee deep garage"),
    "fire": (9, "hazmat gas other", "smoke flames burning roof kitchen window fire alarm sirens orange glow"),
    "medical": (16, "traffic other", "collapsed breathing chest unconscious pavement elderly bleeding fell ambulance"),
    "traffic": (14, "road_blocked medical", "crash cars lorry junction airbag lane blocked glass collision motorbike"),
    "power": (8, "substation lift other", "lights dark outage electricity whole block traffic signals humming"),
    "tree": (8, "road_blocked other", "tree branch fallen across parked cable pavement trunk wind"),
    "road_blocked": (6, "tree traffic flood", "blocked barrier debris sign fallen lane scaffolding closed"),
    "vehicle_in_water": (3, "flood trapped", "floating underpass driver roof water windows stuck sinking"),
    "trapped": (4, "flood collapse lift", "cannot stairs upstairs screaming basement door stuck people inside"),
    "gas": (4, "hazmat other", "smell rotten hissing headache boiler leaking meter"),
    "hazmat": (2, "gas fire other", "cloud chemical drums stinging yellow tanker eyes plant"),
    "collapse": (2, "trapped road_blocked", "wall rubble facade bricks dust building came down crane"),
    "person_in_water": (2, "vehicle_in_water mayday", "swimming quay shouting waves fell jumped river"),
    "lift": (2, "power trapped", "elevator between floors button stopped"),
}  # fmt: skip
_FILLER = (
    "please quickly hurry near opposite corner behind think maybe seems people standing everyone loud still since "
    "minutes again neighbour passing saw heard house shop school church number floor left right"
)
STREETS = [f"{a}{b}" for a in ("Harbour", "Mill", "Castle", "Market", "Linden", "Potter", "Ferry", "Chapel", "Bell",
           "Tanner", "Orchard", "Foundry") for b in (" Street", " Lane", " Row", " Quay", " Hill")]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who reports: how well they place things, and how wrong their clock is."""

    name: str
    reporter: Reporter
    sigma_m: float
    clock_ms: int


@dataclass(frozen=True, slots=True)
class Happening:
    """What is really going on. Metres east and north of the city's middle."""

    id: int
    kind: str
    x_m: float
    y_m: float
    start_ms: int
    street: str
    people_trapped: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A report, when it arrives, and which happening it is really about."""

    report: IncidentReport
    arrives_ms: int
    truth: int


def generate(density: Density, seed: int, *, hours: float = HOURS, side_km: float = SIDE_KM) -> list[Told]:
    """Every report of one invented city in the order of arrival; the same for the same arguments everywhere."""
    rng = random.Random(f"tocsin fusion yardstick 1 {density} {seed}")
    happenings = _happenings(rng, density, hours, side_km)
    sources = _sources(rng)
    masts = [(rng.uniform(-1, 1) * side_km * 500, rng.uniform(-1, 1) * side_km * 500) for _ in range(30)]
    told: list[Told] = []
    for happening in happenings:
        told += _reports(rng, happening, sources, masts)
    return sorted(told, key=lambda one: (one.arrives_ms, one.report.external_id))


def _happenings(rng: random.Random, density: Density, hours: float, side_km: float) -> list[Happening]:
    count = round(PER_KM2_H[density] * side_km**2 * hours)
    half = side_km * 500
    hot = [(rng.uniform(-half, half), rng.uniform(-half, half), rng.uniform(150, 600)) for _ in range(6)]
    found: list[Happening] = []
    kinds, shares = list(KINDS), [share for share, _, _ in KINDS.values()]
    while len(found) < count:
        if found and rng.random() < 0.08:
            found.append(_near_miss(rng, rng.choice(found), len(found)))
            continue
        if rng.random() < 0.55:  # storms hit low ground: many in few places
            x, y, spread = rng.choice(hot)
            x, y = rng.gauss(x, spread), rng.gauss(y, spread)
        else:
            x, y = rng.uniform(-half, half), rng.uniform(-half, half)
        start = START_MS + round(rng.betavariate(2, 2.5) * hours * 3_600_000)
        kind = rng.choices(kinds, shares)[0]
        found.append(
            Happening(len(found), kind, x, y, start, rng.choice(STREETS), kind == "trapped" or rng.random() < 0.03)
        )
    return found


def _near_miss(rng: random.Random, other: Happening, number: int) -> Happening:
    """Another one of the same kind, in the same street, so soon that it looks like the same."""
    away, angle = rng.uniform(70, 260), rng.uniform(0, 2 * math.pi)
    return Happening(
        number,
        other.kind,
        other.x_m + away * math.cos(angle),
        other.y_m + away * math.sin(angle),
        other.start_ms + rng.randint(-30 * 60_000, 30 * 60_000),
        other.street if rng.random() < 0.7 else rng.choice(STREETS),
        False,
    )


def _sources(rng: random.Random) -> dict[Reporter, list[Source]]:
    def clock() -> int:
        return rng.choice([0, 0, 0, rng.randint(-180_000, 180_000), rng.randint(-600_000, 60_000)])

    return {
        "call_taker": [Source(f"112-{n}", "call_taker", rng.uniform(20, 80), 0) for n in range(6)],
        "citizen": [Source(f"app-{n}", "citizen", rng.choice([10, 25, 60, 150]), clock()) for n in range(400)],
        "officer": [Source(f"police-{n}", "officer", rng.uniform(10, 40), clock()) for n in range(25)],
        "agency": [Source(f"cad-{n}", "agency", rng.uniform(20, 120), clock()) for n in range(3)],
        "sensor": [],
    }


_REPORTERS: tuple[Reporter, ...] = ("citizen", "call_taker", "officer", "agency")


def _how_many(rng: random.Random) -> int:
    """Most things are told once or twice, a few by half the town."""
    return min(1 + int(rng.paretovariate(1.4) - 1), 25)


def _reports(
    rng: random.Random, what: Happening, sources: dict[Reporter, list[Source]], masts: Sequence[tuple[float, float]]
) -> list[Told]:
    told: list[Told] = []
    for number in range(_how_many(rng)):
        reporter = rng.choices(_REPORTERS, (52, 30, 10, 8))[0]
        source = rng.choice(sources[reporter])
        delay = rng.lognormvariate(math.log(5 * 60_000), 1.0)
        if rng.random() < 0.05:
            delay += rng.uniform(20, 50) * 60_000  # the second wave: people come home and find it
        happened = what.start_ms + round(min(delay, 80 * 60_000))
        told.append(_told(rng, what, number, source, happened, masts))
        if rng.random() < 0.04:  # passed on word for word by somebody else
            first = told[-1]
            copy = first.report.model_copy(update={"external_id": f"{first.report.external_id}c"})
            told.append(Told(copy, first.arrives_ms + rng.randint(20_000, 400_000), what.id))
    return told


def _told(
    rng: random.Random,
    what: Happening,
    number: int,
    source: Source,
    happened: int,
    masts: Sequence[tuple[float, float]],
) -> Told:
    x, y, stated = _placed(rng, what, source, masts)
    lon = ORIGIN[0] + x / (_METRES * math.cos(math.radians(ORIGIN[1])))
    lat = ORIGIN[1] + y / _METRES
    trapped = what.people_trapped and rng.random() < 0.75
    report = IncidentReport(
        at_ms=happened + source.clock_ms,
        external_id=f"r{what.id}-{number}",
        incident_kind=_taken_for(rng, what.kind),
        lon_e7=round(lon * 1e7),
        lat_e7=round(lat * 1e7),
        uncertainty_m=round(stated),
        text=_words(rng, what),
        people_trapped=trapped,
        severity=1 if trapped and rng.random() < 0.6 else None,
        reporter=source.reporter,
        authoritative_id=f"{source.name}/{what.id}" if source.reporter == "agency" else "",
        origin=source.name if source.reporter != "call_taker" else f"{source.name}/{what.id}-{number}",
    )
    return Told(report, happened + rng.randint(1_000, 90_000), what.id)


def _placed(
    rng: random.Random, what: Happening, source: Source, masts: Sequence[tuple[float, float]]
) -> tuple[float, float, float]:
    """(x_m, y_m, stated uncertainty in metres) as the source has it."""
    if source.reporter == "citizen" and rng.random() < 0.04:  # located by the mast that carried the call
        x, y = min(masts, key=lambda mast: math.hypot(mast[0] - what.x_m, mast[1] - what.y_m))
        return x, y, rng.choice([150.0, 300.0, 600.0])
    # Student's t with three degrees of freedom: now and then far off.
    chi = sum(rng.gauss(0, 1) ** 2 for _ in range(3)) / 3
    scale = source.sigma_m / math.sqrt(max(chi, 0.08))
    x, y = what.x_m + rng.gauss(0, 1) * scale, what.y_m + rng.gauss(0, 1) * scale
    if rng.random() < 0.10:  # geocoded to the middle of the street
        x, y = round(x / 180) * 180.0, round(y / 180) * 180.0
    stated = source.sigma_m / 3 if rng.random() < 0.25 else source.sigma_m * rng.uniform(0.8, 1.8)
    return x, y, max(stated, 5.0)


def _taken_for(rng: random.Random, kind: str) -> str:
    chance = rng.random()
    if chance < 0.86:
        return kind
    if chance < 0.96:
        return rng.choice(KINDS[kind][1].split())
    return rng.choice(list(KINDS)) if chance < 0.98 else "other"


def _words(rng: random.Random, what: Happening) -> str:
    own = KINDS[what.kind][2].split()
    said = rng.sample(own, rng.randint(1, 3)) + rng.sample(_FILLER.split(), rng.randint(2, 6))
    if rng.random() < 0.5:
        said += what.street.split()
    rng.shuffle(said)
    return " ".join(_typo(rng, word) if rng.random() < 0.06 else word for word in said)


def _typo(rng: random.Random, word: str) -> str:
    at = rng.randrange(len(word))
    return word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]
