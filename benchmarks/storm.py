"""The stage of ``benchmarks.console``: a core whose every alert endpoint is a black hole, and a load on its inbox.

``python -m benchmarks.storm core FOLDER`` runs the drill's own core process on FOLDER/run.json after an hour of the
exercise, with proposals that alert six recipients each. ``python -m benchmarks.storm load FOLDER RATE`` posts signed
positions of units (CoT) and ships (AIS) until it is stopped; each makes two entries, and RATE counts entries a second.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import math
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from console import commands as c
from console.core import Draft
from console.drill.process import CoreProcess, Run
from feeds.ais import codec as ais
from feeds.signing import sign
from feeds.tak import codec as tak
from picture import events as ev
from picture.decisions import proposal_digest
from picture.reports import UnitReport, VesselReport

STEPS_S = (1200.0, 1200.0, 1200.0)
PROPOSALS = 60
VERSION = 1


def proposal(number: int, core: CoreProcess) -> ev.ProposalMade:
    """A waiting proposal that tells six recipients outside; its gateway will never answer."""
    directory = core.world.scenario.directory
    chosen = [one for one in directory if one.role != "public"][:6]
    headline = f"Quay {number}: stop loading"
    effect = ev.EffectModel(
        id=f"B-{number}/tell", verb="alert.agency", act_class="act_if_approved",
        summary=f"Tell six recipients: {headline}",
        args={"to": [], "headline": headline, "body": headline, "urgency": "Immediate", "severity": "Severe",
              "certainty": "Observed", "incident": "", "recipients": [[one.name, one.channel] for one in chosen]},
        reversible=False,
    )  # fmt: skip
    due_ms = core.world.core.now_ms() + 3_600_000
    return ev.ProposalMade(
        id=f"PB-{number}", title=f"Warn the port about quay {number}", playbook="benchmark", playbook_version=VERSION,
        priority=1, effects=(effect,), due_ms=due_ms,
        digest=proposal_digest((effect,), (), due_ms=due_ms, playbook="benchmark", playbook_version=VERSION, quorum=1),
    )  # fmt: skip


async def core(folder: Path) -> None:
    """Serves until it is ended."""
    process = CoreProcess(folder, Run.model_validate_json((folder / "run.json").read_text()))
    world = process.world
    for channel in {one.channel for one in world.scenario.directory}:
        world.receiver.behave(channel, "silent")
    for step_s in STEPS_S:
        process.pacer.control(c.ControlDrill(action="jump", by_s=step_s))
    world.core.record([Draft(proposal(number, process)) for number in range(PROPOSALS)])
    gc.collect()
    gc.freeze()
    units = [[one.id, one.name, one.home_lon_e7, one.home_lat_e7] for one in world.core.home.units.values()]
    (folder / "units.json").write_text(json.dumps(units))
    await process.serve()


def load(folder: Path, rate: float) -> None:
    """Posts until it is ended: three positions of units for every two of ships."""
    url = urlsplit(json.loads((folder / "inbox.json").read_text())["url"])
    units = json.loads((folder / "units.json").read_text())
    secrets = {feed: (folder / "secrets" / f"{feed}.secret").read_bytes() for feed in ("tak-units", "ais")}
    wire = http.client.HTTPConnection(url.netloc)
    started, number, refused = time.monotonic(), 0, 0
    while True:
        now_ms = int(time.time() * 1000)
        feed, body = _ship(number, now_ms, units) if number % 5 > 2 else _unit(number, now_ms, units)
        wire.request("POST", url.path + feed, body, sign(secrets[feed], now_ms, body))
        answer = wire.getresponse()
        said = answer.read()
        if answer.status != 202:
            refused += 1
            print(f"{answer.status} {said.decode()}", file=sys.stderr, flush=True)
        number += 1
        time.sleep(max(0.0, started + number * 2 / rate - time.monotonic()))


def _unit(number: int, now_ms: int, units: list[list[object]]) -> tuple[str, bytes]:
    name, callsign, lon_e7, lat_e7 = units[number % len(units)]
    turn = number / len(units) / 8
    return "tak-units", tak.encode(UnitReport(
        at_ms=now_ms, external_id=f"TOCSIN-DRILL-{name}-{number}", callsign=str(callsign),
        lon_e7=int(str(lon_e7)) + int(150_000 * math.sin(turn)), lat_e7=int(str(lat_e7)) + int(90_000 * math.cos(turn)),
        speed_mmps=12_000))  # fmt: skip


def _ship(number: int, now_ms: int, units: list[list[object]]) -> tuple[str, bytes]:
    ship = number % 40
    return "ais", ais.encode(
        VesselReport(
            at_ms=now_ms,
            mmsi=211_500_000 + ship,
            lon_e7=int(str(units[0][2])) - 600_000 + 9_000 * ship + number % 997,
            lat_e7=int(str(units[0][3])) - 400_000 + number % 991,
            speed_mmps=5_000,
            course_cdeg=9_000,
            nav_status=0,
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "core":
        asyncio.run(core(Path(sys.argv[2])))
    else:
        load(Path(sys.argv[2]), float(sys.argv[3]))
