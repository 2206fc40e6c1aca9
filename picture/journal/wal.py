"""Whether a write-ahead log breaks off in its middle: SQLite would pass over all that follows without a word.

A torn end is what a crash leaves, and harmless: it was never acknowledged. Whole commits behind a damaged
frame are not. Format: sqlite.org/walformat.html.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

_HEADER: Final = 32
_FRAME: Final = 24
_MAGIC: Final = 0x377F0682
_MASK: Final = 0xFFFFFFFF


def commits_cut_off(database: Path) -> int:
    """How many whole commits lie in a database's WAL behind damage, where no reader will see them."""
    wal = database.with_name(database.name + "-wal")
    if not wal.exists() or wal.stat().st_size <= _HEADER:
        return 0
    with wal.open("rb") as file:
        return _behind_damage(file)


def _behind_damage(file: BinaryIO) -> int:
    header = file.read(_HEADER)
    magic, _, page_bytes, _ = struct.unpack(">4I", header[:16])
    salts = header[16:24]
    words = ">" if magic & 1 else "<"
    checks = _checksum(words, header[:24], (0, 0))
    whole = magic & ~1 == _MAGIC and checks == struct.unpack(">2I", header[24:])
    if not whole:  # nothing in it will be read; the page size may be what was damaged
        page_bytes, salts = 4096, b""
    behind = 0
    while len(frame := file.read(_FRAME + page_bytes)) == _FRAME + page_bytes:
        if salts and frame[8:16] != salts:
            if whole and frame[8:12] != salts[:4] and frame[12:16] != salts[4:]:
                break  # left over from before the log was last reset
            whole = False
            continue
        if whole:
            checks = _checksum(words, frame[:8] + frame[_FRAME:], checks)
            whole = checks == struct.unpack(">2I", frame[16:_FRAME])
        elif frame[4:8] != bytes(4):
            behind += 1
    return behind


def _checksum(words: str, data: bytes, start: tuple[int, int]) -> tuple[int, int]:
    one, two = start
    for first, second in struct.iter_unpack(f"{words}2I", data):
        one = (one + first + two) & _MASK
        two = (two + second + one) & _MASK
    return one, two
