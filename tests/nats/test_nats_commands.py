"""A server, its mirror and a verification, from the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from picture.errors import UsageError
from tests.journal_world import STREAM, World, vessel
from tests.nats_world import needs_nats, open_journal

pytestmark = needs_nats
TOCSIN = (sys.executable, "-m", "console.cli")


def folder(tmp_path: Path, name: str, text: str) -> Path:
    home = tmp_path / name
    home.mkdir()
    (home / "nats.toml").write_text(f'name = "{name}"\nport = 0\n{text}', encoding="utf-8")
    return home


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*TOCSIN, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def told(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def verify(*words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run([*TOCSIN, "journal", "verify", "--json", *words], capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout or b"{}")


def test_a_stream_is_served_mirrored_and_verified_on_both_servers(tmp_path: Path) -> None:
    from picture.journal.nats import Access, NatsReader
    from picture.journal.nats.server import inbox

    here = folder(tmp_path, "here", f'[[cores]]\nstream = "{STREAM}"\n')
    there = folder(tmp_path, "there", f'mirrors = ["{STREAM}"]\n[[cores]]\nstream = "{STREAM}"\n')
    with (
        running("journal", "serve", "--config", str(here), "--json") as one,
        running("journal", "serve", "--config", str(there), "--json") as two,
    ):
        near, far = told(one), told(two)
        assert (near["streams"], far["streams"]) == ([f"TOCSIN_{STREAM}"], [f"TOCSIN_{STREAM}", f"MIRROR_{STREAM}"])
        seed, other = near["seeds"][STREAM], far["seeds"][STREAM]
        access = Access((near["url"],), seed=Path(seed), inbox=inbox(STREAM))
        at_mirror = Access((far["url"],), seed=Path(other), inbox=inbox(STREAM))

        async def write() -> None:
            async with await open_journal(World(tmp_path / "world"), access) as journal:
                for number in range(20):
                    await journal.append([vessel(number)], commit_id=f"c-{number}")

        async def arrived() -> None:
            async with await NatsReader.open(at_mirror, STREAM, mirror=True) as reader:
                followed = reader.follow(19)
                await anext(followed)
                await followed.aclose()  # type: ignore[attr-defined]

        with running(
            "journal", "mirror", STREAM, "--from", near["url"], "--to", far["url"],
            "--from-seed", seed, "--to-seed", other,
        ):  # fmt: skip
            asyncio.run(write())
            asyncio.run(arrived())
        exit_near, at_source = verify(f"{near['url']}/{STREAM}", "--seed", seed)
        exit_far, at_copy = verify(f"{far['url']}/{STREAM}", "--seed", other, "--mirror")
        assert (exit_near, exit_far, at_source["entries"]) == (0, 0, 20)
        assert at_source == at_copy
    assert (one.returncode, two.returncode) == (0, 0)
    assert (os.stat(seed).st_mode & 0o777, os.stat(here / "nats-server.conf").st_mode & 0o777) == (0o600, 0o600)


def test_a_stream_is_verified_over_tls_and_not_without_the_authority(tmp_path: Path) -> None:
    from tests.nats_certificates import certificates

    tls = certificates(tmp_path / "tls")
    home = folder(
        tmp_path, "here",
        f'[[cores]]\nstream = "{STREAM}"\n[tls]\ncertificate = "{tls}/cert.pem"\nkey = "{tls}/key.pem"\n'
        f'ca = "{tls}/ca.pem"\n',
    )  # fmt: skip
    with running("journal", "serve", "--config", str(home), "--json") as server:
        said = told(server)
        place = f"{said['url']}/{STREAM}"
        assert verify(place, "--seed", said["seeds"][STREAM], "--tls", str(tls))[0] == 0
        other = certificates(tmp_path / "other")
        assert verify(place, "--seed", said["seeds"][STREAM], "--tls", str(other))[0] == 3


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 4222\n", "prot"),
        ("replicas = 9\n", "replicas"),
        ("[[cores]]\n", "cores.0.stream"),
        ("name = \n", "toml"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    from picture.journal.nats.server import Site

    with pytest.raises(UsageError, match=named) as refused:
        Site.read(folder(tmp_path, "here", text))
    assert refused.value.code == "TOC-1003"


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    from picture.errors import JournalError
    from picture.journal.nats.server import Site
    from picture.journal.nats.serving import Server

    (tmp_path / "store").write_text("a file where its folder must be", encoding="utf-8")
    with pytest.raises(JournalError, match="one:") as refused:
        Server(Site(name="one", port=0), tmp_path).start()
    assert refused.value.code == "TOC-3147"
