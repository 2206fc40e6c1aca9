"""What ``tocsin world fork`` does: finds the parent, copies its past, and prepares the new world's folder to be run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from console.cli_city import order_of, pack_path
from console.config import Home
from console.drill import process
from console.drill.scenario import load
from console.fork import Forked, cursor_of, fork
from console.forked import RUN, ForkRun
from console.forked import read_run as read_fork
from console.journals import reading
from console.starting import STARTS
from picture.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Made:
    """A new world, ready to be run."""

    folder: Path
    world: str
    forked: Forked

    def as_json(self) -> dict[str, Any]:
        """It as the command line prints it."""
        return {
            "world": self.world,
            "folder": str(self.folder),
            "stream": self.forked.stream,
            "parent": self.forked.parent,
            "cursor": self.forked.seq,
            "carried": self.forked.carried,
            "left_out": dict(self.forked.left_out),
        }


def make(home: Home, words: str, world: Literal["drill", "whatif"], name: str = "") -> Made:
    """The new world out of ``PARENT@CURSOR``; ``UsageError`` TOC-1012 or TOC-1013 where that cannot be."""
    parent, _, cursor = words.partition("@")
    source = parent_folder(home, parent)
    if name and not _NAME.fullmatch(name):
        raise UsageError(f"--name {name[:40]!a}: letters, digits, dots and dashes, 64 at most.")
    kind = home.drills if world == "drill" else home.whatifs
    with reading(source / "journal") as reader:
        seq = cursor_of(reader, cursor)
        folder = _fresh(kind, name, f"{source.name}-at-{seq}")
        run = _site_of(home, source, world, folder.name)
        folder.mkdir(parents=True, mode=0o700)
        made = fork(reader, seq, folder, world, folder.name)
    (folder / RUN).write_text(run.model_dump_json(), encoding="utf-8")
    return Made(folder, world, made)


def parent_folder(home: Home, name: str) -> Path:
    """The folder of a world by its name or path; ``UsageError`` TOC-1012 where there is none."""
    given = Path(name)
    places = [home.live] if name == "live" else [home.drills / name, home.whatifs / name, given.resolve()]
    found = next((one for one in places if name and (one / "journal").is_dir()), None)
    if found is None:
        raise UsageError(f"{name[:80]!a} is no world that has begun.", code="TOC-1012")
    return found


def _fresh(kind: Path, name: str, otherwise: str) -> Path:
    if name:
        if (kind / name).exists():
            raise UsageError(f"{name}.", code="TOC-1013")
        return kind / name
    number = 1
    while (folder := kind / f"{otherwise}-{number}").exists():
        number += 1
    return folder


def _site_of(home: Home, source: Path, world: Literal["drill", "whatif"], name: str) -> ForkRun:
    """What the new world takes from its parent's site: roads, playbooks and policy; no channel and no recipient."""
    if (source / RUN).is_file():
        return read_fork(source).model_copy(update={"world": world, "name": name})
    if (source / next(iter(STARTS))).is_file():
        run = process.read_run(source)
        scenario = load(run.scenario)
        return ForkRun(
            world=world, name=name, pack=run.pack, order=run.order, armed=scenario.playbooks, position=run.position
        )
    config = home.config()
    pack = pack_path(config.city)
    return ForkRun(
        world=world,
        name=name,
        pack=pack,
        order=order_of(home, pack),
        playbooks=home.root / config.playbooks if config.playbooks else None,
        armed=config.armed,
        own_agencies=config.policy.own_agencies,
        position=config.position,
    )
