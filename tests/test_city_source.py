"""The shipped source of a city and the pack that is built from it on first run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picture.errors import RoadError
from twin.pack import CityPack
from twin.source import CITIES, ensure_pack, read_source, source_of, write_source


def test_the_shipped_source_is_small_enough_to_ship() -> None:
    assert source_of("port-meridian").stat().st_size < 3_000_000


def test_an_unknown_city_is_refused_by_name(tmp_path: Path) -> None:
    for name in ("atlantis", "../cities/port-meridian", "*"):
        with pytest.raises(RoadError) as refusal:
            ensure_pack(name, tmp_path)
        assert refusal.value.code == "TOC-5104"


def test_a_source_reads_back_and_writes_the_same_bytes(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "steps": np.arange(-5, 7, dtype=np.int16).reshape(3, 4),
        "kinds": np.array([1, 0], np.uint8),
    }
    for name in ("a", "b"):
        write_source(tmp_path / name, {"name": "Ærø"}, ["", "Quay"], arrays)
    header, stored = read_source(tmp_path / "a")
    assert header["meta"] == {"name": "Ærø"} and header["names"] == ["", "Quay"]
    assert np.array_equal(stored["steps"], arrays["steps"]) and stored["kinds"].dtype == np.uint8
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_damaged_source_is_refused(tmp_path: Path) -> None:
    raw = bytearray(source_of("port-meridian").read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bent.city.xz").write_bytes(raw)
    with pytest.raises(RoadError) as refusal:
        read_source(tmp_path / "bent.city.xz")
    assert refusal.value.code == "TOC-5104"


def test_the_pack_is_built_once_and_an_outdated_one_is_removed(tmp_path: Path) -> None:
    (tmp_path / "port-meridian-0-old.pack").write_bytes(b"old")
    (tmp_path / "elsewhere-1-x.pack").write_bytes(b"another city")
    heard: list[float] = []
    path = ensure_pack("port-meridian", tmp_path, lambda _what, share: heard.append(share))
    assert heard[0] == 0 and heard[-1] == 1 and heard == sorted(heard)
    built = path.stat().st_mtime_ns
    assert ensure_pack("port-meridian", tmp_path) == path and path.stat().st_mtime_ns == built
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "elsewhere-1-x.pack"}
    CityPack.open(path).verify()


def test_every_shipped_city_says_that_it_is_fictional() -> None:
    for path in CITIES.glob("*.city.xz"):
        assert "fictional" in read_source(path)[0]["meta"]["attribution"]
