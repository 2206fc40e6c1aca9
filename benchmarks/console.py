"""From a key to the frame that shows what it did, in a real terminal: ``python -m benchmarks.console``.

A drill's core as it ships, an hour into the exercise, every alert endpoint a black hole, 200 entries a second arriving
at its inbox; the shipped console on a pty. ``pending``: from the key to the whole frame with the action's pending
state (or the dialog it opens). ``answered``: from the same key to the frame with what the core made of it: what an
operator would wait for in a console that waits. Exit status 1 where a p95 of ``pending`` misses 50 ms.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.terminal import Grid, Terminal, cpu_s, rss_mb, scheduled_ms

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 200, 60
RATE = 200.0
BAR_MS = 50.0
PERSON = "Ada"
GIVE_UP_S = 10.0
SETTLE_S = 0.75
"""Rows take no key within half a second of a change; the hand of an operator does not either."""
BOOT = """
import sys, time, pathlib
import console.cli, console.link, console.tui.app, twin.pack, picture.sealing
pathlib.Path(sys.argv[1]).write_text(repr(time.monotonic()))
sys.argv[1:] = sys.argv[2:]
console.cli.main()
"""
Shown = Callable[[Grid], bool]


# --- what can be seen -----------------------------------------------------------------------------------------------


def says(words: str) -> Shown:
    """These words stand on the screen."""
    return lambda grid: any(words in line for line in grid.lines())


def silent(words: str) -> Shown:
    """They do not."""
    return lambda grid: not says(words)(grid)


def either(*shown: Shown) -> Shown:
    return lambda grid: any(one(grid) for one in shown)


def redrawn(before: Grid, share: float) -> Shown:
    """At least this share of the map's cells hold another character."""
    width = before.columns - 76
    old = [row[:width] for row in before.chars[3:-4]]
    needed = share * width * len(old)

    def shown(grid: Grid) -> bool:
        new = grid.chars[3:-4]
        return (
            sum(
                a != b for old_row, row in zip(old, new, strict=True) for a, b in zip(old_row, row[:width], strict=True)
            )
            >= needed
        )

    return shown


def restyled(before: Grid, cells: int) -> Shown:
    """At least so many cells of the lists have another style: the cursor's ground came or went."""
    left = before.columns - 74
    old = [row[left:] for row in before.styles]

    def shown(grid: Grid) -> bool:
        return (
            sum(
                a != b
                for old_row, row in zip(old, grid.styles, strict=True)
                for a, b in zip(old_row, row[left:], strict=True)
            )
            >= cells
        )

    return shown


def copy_of(grid: Grid) -> Grid:
    """The screen as it stands."""
    copy = Grid(grid.columns, grid.rows)
    copy.chars = [list(row) for row in grid.chars]
    copy.styles = [list(row) for row in grid.styles]
    return copy


# --- operator -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Timing:
    """Milliseconds from key to frame, and trials in which it never came."""

    pending: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    ran: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    """Of ``pending``: the console ran on a processor; it was ready to run and others had the processors."""
    lost: int = 0


class Operator:
    """Hands at the keys of one console."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.timings: dict[str, Timing] = {}

    @property
    def grid(self) -> Grid:
        return self.terminal.grid

    def press(self, *keys: bytes) -> None:
        """Keys that are not measured, each given the time that a hand needs."""
        for key in keys:
            self.terminal.send(key)
            self.terminal.idle(0.15)

    def start(self) -> None:
        """Back on the main screen, whatever went before."""
        self.press(b"\x1b", b"\x1b", b"\x1b")

    def settle(self) -> None:
        self.terminal.idle(SETTLE_S)

    def measure(self, name: str, keys: bytes, pending: Shown, answered: Shown | None = None) -> bool:
        """Presses, and times the frames; False where the first did not come.

        An answer that is there before its pending state was painted counts as the first frame as well; a sign of
        absence (``silent``) cannot.
        """
        timing = self.timings.setdefault(name, Timing())
        if pending(self.grid):
            timing.lost += 1
            print(f"{name}: its sign stands before the key\n{self.grid.text()}", file=sys.stderr)
            return False
        ran_ms, waited_ms = scheduled_ms(self.terminal.pid)
        pressed = self.terminal.send(keys)
        seen = self.terminal.until(pending, GIVE_UP_S)
        ran, waited = scheduled_ms(self.terminal.pid)
        if seen is None:
            timing.lost += 1
            print(f"{name}: no sign of it\n{self.grid.text()}", file=sys.stderr)
            return False
        timing.pending.append((seen - pressed) * 1000)
        timing.ran.append(ran - ran_ms)
        timing.waited.append(waited - waited_ms)
        if answered is not None:
            done = seen if answered(self.grid) else self.terminal.until(answered, GIVE_UP_S)
            if done is not None:
                timing.answered.append((done - pressed) * 1000)
        return True


def by_list(hand: Operator, round_number: int) -> None:
    """Queue and alarms: read, acknowledge, a typed line, a log entry."""
    hand.press(b"2")
    hand.settle()
    before = copy_of(hand.grid)
    hand.measure("go to another pane", b"4", restyled(before, 60))
    hand.press(b"\x1b[H")
    hand.settle()
    if any(" not acknowledged" in line and " 0 not" not in line for line in hand.grid.lines()):
        hand.measure(
            "acknowledge an alarm",
            b" ",
            either(says("acknowledging…"), says("Acknowledged: ")),
            says("Acknowledged: "),
        )
    hand.press(b"2", b"\x1b[H", *[b"\x1b[B"] * (3 + round_number))
    hand.settle()
    hand.measure("mark an incident as read", b" ", says("reading…"), silent("reading…"))
    hand.press(b"\x1b[B")
    hand.settle()
    hand.measure("open the typed line", b":", says("LINE"))
    priority = 2 + round_number % 2
    hand.measure("type a letter", b"I", either(says("╏ I "), says("╏I ")))
    hand.press(f"-7 p{priority}".encode())
    hand.measure(
        "send a typed line",
        b"\r",
        either(says("on its way…"), says(f"I-7 p{priority}…"), says(f"Done: I-7 p{priority}")),
        says(f"Done: I-7 p{priority}"),
    )
    hand.press(b"2")
    hand.measure("open the log form", b"n", says("LOG ENTRY"))
    hand.press(f"gate {round_number} shut".encode())
    hand.measure(
        "write a log entry",
        b"\x13",
        either(says("on its way…"), says("writing the log…"), says("Logged.")),
        says("Logged."),
    )
    hand.settle()


def by_dialog(hand: Operator, round_number: int) -> None:
    """Report, dispatch, status."""
    hand.press(b"2")
    hand.measure("open the report form", b"r", says("opens an incident"))
    hand.press(b"flood\r", f"water in the cellar {round_number}".encode())
    hand.measure(
        "send a report",
        b"\x13",
        either(says("on its way…"), says("taking the report"), says("The report is with")),
        says("The report is with"),
    )
    hand.settle()
    hand.press(b"2", b"\x1b[H")
    hand.settle()
    hand.measure("open the dispatch list", b"d", says("SEND TO"), says("nearest by road"))
    hand.measure(
        "assign a unit", b"\r", either(says("on its way…"), says("sending "), says("Sent to ")), says("Sent to ")
    )
    hand.settle()
    hand.measure("open the unit board", b"u", says("UNITS"))
    hand.settle()
    hand.press(b"\x1b[H")
    hand.settle()
    hand.measure("open the status list", b"e", says("STATUS of"))
    hand.press(b"out of" if round_number % 2 == 0 else b"avail")
    word = "out of service…" if round_number % 2 == 0 else "available…"
    hand.measure("set a unit's status", b"\r", either(says("on its way…"), says(word)), silent(word))
    hand.press(b"\x1b")
    hand.settle()


def by_signature(hand: Operator, round_number: int) -> None:
    """One proposal, from opening to the decision; it alerts six recipients who will never answer."""
    hand.press(b"3", b"\x1b[H")
    hand.settle()
    for _ in range(4):
        if not hand.measure("open a proposal", b"\r", says("PROPOSAL  P")):
            return
        if says("PROPOSAL  PB-")(hand.grid):
            break
        hand.press(b"\x1b", b"\x1b[B")  # the scenario's own; some need two persons
        hand.settle()
    number = next(line for line in hand.grid.lines() if "PROPOSAL  PB-" in line).partition("PROPOSAL  ")[2].split()[0]
    hand.settle()
    hand.measure("ask for the confirmation", b"a", says("To approve, type"))
    hand.press(number.encode())
    hand.measure(
        "approve", b"\r", either(says("on its way…"), says("approving…"), says("Approved PB-")), says("Approved PB-")
    )
    hand.settle()
    hand.press(b"\x1b")
    hand.settle()


def by_map(hand: Operator, round_number: int) -> None:
    """Pan and zoom there and back."""
    hand.press(b"1")
    hand.settle()
    for name, key, share in (
        ("pan the map", b"l", 0.02),
        ("zoom the map", b"+", 0.04),
        ("zoom the map", b"-", 0.04),
        ("pan the map", b"h", 0.02),
    ):
        before = copy_of(hand.grid)
        hand.measure(name, key, redrawn(before, share))
        hand.terminal.idle(0.3)


# --- stage ----------------------------------------------------------------------------------------------------------


def spawn(stack: ExitStack, arguments: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A process of the stage, ended with it."""
    with log.open("ab") as out:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=env, stdout=out, stderr=out)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def prepare(folder: Path, env: dict[str, str]) -> Path:
    """The drill's folder with its ``run.json``; the city's pack and road order are built where they are not."""
    from console.drill.process import Run
    from console.drill.scenario import load
    from console.starting import scenario_folder
    from twin.source import ensure_pack

    cache = Path(env["TOCSIN_HOME"]) / "cache"
    pack = ensure_pack("port-meridian", cache)
    source = scenario_folder("storm-surge")
    run = Run(
        scenario=source,
        pack=pack,
        order=cache / f"{pack.stem}.order.npy",
        seed=load(source).seed,
        speed=1.0,
        person=PERSON,
        position="duty_officer",
    )
    drill = folder / "drill"
    drill.mkdir()
    (drill / "run.json").write_text(run.model_dump_json())
    return drill


def wait_for(path: Path, process: subprocess.Popen[bytes], log: Path, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the stage does not stand: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def entries(drill: Path) -> int:
    """How far the journal is."""
    import sqlite3

    newest = sorted((drill / "journal").glob("segment-*.sqlite"))[-1]
    with sqlite3.connect(f"file:{newest}?mode=ro", uri=True) as database:
        return int(database.execute("select max(seq) from entries").fetchone()[0])


def console_on(drill: Path, folder: Path, env: dict[str, str]) -> tuple[Terminal, dict[str, float]]:
    """The shipped console on a pty, and when it showed its first frames."""
    stamp = folder / "imported"
    stamp.unlink(missing_ok=True)
    command = [sys.executable, "-c", BOOT, str(stamp), "attach", str(drill), "--person", PERSON]
    terminal = Terminal(command, columns=COLUMNS, rows=ROWS, env=env, cwd=ROOT)
    first = terminal.until(says("tocsin"), 30.0)
    whole = terminal.until(lambda grid: says("INCIDENTS")(grid) and says("I-7")(grid), 30.0)
    if first is None or whole is None:
        raise SystemExit(f"the console does not come up\n{terminal.grid.text()}")
    imported = float(stamp.read_text())
    terminal.idle(3.0)
    whole_mb, own_mb = rss_mb(terminal.pid)
    return terminal, {
        "start_to_import_ms": (imported - terminal.started_s) * 1000,
        "import_to_first_frame_ms": (first - imported) * 1000,
        "import_to_picture_ms": (whole - imported) * 1000,
        "rss_mb": whole_mb,
        "own_mb": own_mb,
    }


def steady(terminal: Terminal, core_pid: int, drill: Path, seconds: float) -> dict[str, float]:
    """Frames, bytes and processor time while nobody touches a key."""
    began, frames, size, cpu, core_cpu = (
        time.monotonic(),
        terminal.frames,
        terminal.bytes,
        cpu_s(terminal.pid),
        cpu_s(core_pid),
    )
    before = entries(drill)
    terminal.idle(seconds)
    took = time.monotonic() - began
    return {
        "entries_per_s": (entries(drill) - before) / took,
        "frames_per_s": (terminal.frames - frames) / took,
        "kb_per_s": (terminal.bytes - size) / took / 1000,
        "console_cpu_percent": (cpu_s(terminal.pid) - cpu) / took * 100,
        "core_cpu_percent": (cpu_s(core_pid) - core_cpu) / took * 100,
        "rss_mb": rss_mb(terminal.pid)[0],
    }


def percentile(values: list[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def row(name: str, timing: Timing) -> dict[str, Any]:
    found: dict[str, Any] = {
        "action": name, "n": len(timing.pending), "lost": timing.lost,
        "p50_ms": statistics.median(timing.pending), "p95_ms": percentile(timing.pending, 0.95),
        "max_ms": max(timing.pending), "ran_p50_ms": statistics.median(timing.ran),
        "ran_p95_ms": percentile(timing.ran, 0.95), "waited_p95_ms": percentile(timing.waited, 0.95)}  # fmt: skip
    if timing.answered:
        found["answered_p50_ms"] = statistics.median(timing.answered)
        found["answered_p95_ms"] = percentile(timing.answered, 0.95)
        found["ratio_p95"] = found["answered_p95_ms"] / found["p95_ms"]
    return found


def measure(rounds: int, rate: float, home: Path) -> dict[str, Any]:
    """All figures of one run."""
    env = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TOCSIN_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        drill, log = prepare(folder, env), folder / "stage.log"
        core = spawn(stack, ["-m", "benchmarks.storm", "core", str(drill)], env, log)
        wait_for(drill / "inbox.json", core, log)
        quiet_terminal, start = console_on(drill, folder, env)
        quiet_terminal.close()
        if rate:
            spawn(stack, ["-m", "benchmarks.storm", "load", str(drill), str(rate)], env, log)
        terminal, loaded_start = console_on(drill, folder, env)
        stack.callback(terminal.close)
        still = steady(terminal, core.pid, drill, 10.0)
        hand = Operator(terminal)
        began, before = time.monotonic(), entries(drill)
        for number in range(rounds):
            for part in (by_list, by_dialog, by_signature, by_map):
                hand.start()
                part(hand, number)
        per_s = (entries(drill) - before) / (time.monotonic() - began)
        rows = [row(name, timing) for name, timing in hand.timings.items() if timing.pending]
        every = [value for timing in hand.timings.values() for value in timing.pending]
        return {
            "schema": "tocsin.benchmark.console/1", "columns": COLUMNS, "rows": ROWS, "rounds": rounds,
            "load_average": os.getloadavg()[0], "entries_per_s": per_s, "start": start,
            "start_under_load": loaded_start,
            "steady": still, "actions": rows, "all_p50_ms": statistics.median(every),
            "all_p95_ms": percentile(every, 0.95), "all_max_ms": max(every),
            "lost": sum(timing.lost for timing in hand.timings.values()), "stage_log": log.read_text()[-500:],
        }  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """For people."""
    lines = [
        f"{'action':28}{'n':>4}{'p50 ms':>9}{'p95 ms':>9}{'max ms':>9}{'ran p50':>9}{'ran p95':>9}"
        f"{'waited p95':>11}{'answered p95':>14}{'ratio':>7}"
    ]
    for one in found["actions"]:
        answered = f"{one['answered_p95_ms']:14.1f}{one['ratio_p95']:7.1f}" if "ratio_p95" in one else ""
        over = "  OVER" if one["p95_ms"] > BAR_MS else ""
        lines.append(
            f"{one['action']:28}{one['n']:>4}{one['p50_ms']:>9.1f}{one['p95_ms']:>9.1f}{one['max_ms']:>9.1f}"
            f"{one['ran_p50_ms']:9.1f}{one['ran_p95_ms']:9.1f}{one['waited_p95_ms']:11.1f}{answered}{over}"
        )
    lines.append(f"{'all':28}{'':4}{found['all_p50_ms']:9.1f}{found['all_p95_ms']:9.1f}{found['all_max_ms']:9.1f}")
    for name in ("start", "start_under_load", "steady"):
        lines.append(f"{name:18}" + "  ".join(f"{key} {value:.1f}" for key, value in found[name].items()))
    lines.append(f"entries/s {found['entries_per_s']:.0f}  lost {found['lost']}  load {found['load_average']:.1f}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 where the bar is missed or a sign never came."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--rate", type=float, default=RATE, help="entries a second; 0: no load")
    parser.add_argument("--home", type=Path, help="a TOCSIN_HOME whose cache is used; made anew otherwise")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(arguments)
    rounds = chosen.rounds or (5 if chosen.quick else 20)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(rounds, chosen.rate, (chosen.home or Path(folder)).resolve())
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    print(table(found))
    return 1 if found["lost"] or any(one["p95_ms"] > BAR_MS for one in found["actions"]) else 0


if __name__ == "__main__":
    sys.exit(main())
