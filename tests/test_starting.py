"""A core that cannot start says so where somebody waits for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from console.config import Home
from console.link import Change, Link, socket_of
from console.starting import fresh_folder, start_core, wait_for_core
from picture.errors import UsageError
from picture.sealing import new_signing_key


def broken(folder: Path) -> Path:
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"scenario": "nowhere"}), encoding="utf-8")
    return folder


async def test_a_console_whose_core_ended_says_why_in_its_words(tmp_path: Path) -> None:
    folder = broken(tmp_path / "drill")
    link = Link(socket_of(folder), "a", "duty_officer", new_signing_key(), why_ended=start_core(folder))
    told = asyncio.Event()

    def on_change(change: Change) -> None:
        if link.why:
            told.set()

    following = asyncio.create_task(link.run(on_change))
    await asyncio.wait_for(told.wait(), 30)
    following.cancel()
    assert "TOC-1003" in link.why and link.state == "connecting"


def test_waiting_for_a_core_that_ended_tells_its_last_words(tmp_path: Path) -> None:
    folder = broken(tmp_path / "drill")
    ended = start_core(folder)
    while not ended():
        pass
    with pytest.raises(UsageError, match="TOC-1003"):
        wait_for_core(folder, 0.1)


def test_a_drills_folder_is_its_users_alone(tmp_path: Path) -> None:
    folder = fresh_folder(Home.at(tmp_path), "storm-surge")
    assert folder.stat().st_mode & 0o077 == 0
    assert fresh_folder(Home.at(tmp_path), "storm-surge") != folder
