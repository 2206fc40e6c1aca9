"""A journal in one file, to be carried away: segments and sealed blobs as they are stored, and never a key.

The file is a zip: ``manifest.json``, ``segments/segment-000001.sqlite`` …, ``blobs/<source>/<sha256>``. Segments are
consistent copies made while the core may go on writing; their bytes, chain and signatures are the original's, so the
copy verifies by itself. ``picture.journal.arrival`` takes it in again.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from picture.clock import rfc3339
from picture.errors import JournalError
from picture.journal.protocol import START
from picture.journal.segments import (
    last_head,
    open_for_reading,
    read_header,
    segment_files,
    storage_errors,
)
from picture.journal.verify import verify
from picture.journal.wal import commits_cut_off

SCHEMA: Final = "tocsin.export/1"
SUFFIX: Final = ".tocsin.zip"
CHUNK: Final = 1 << 20
_PAGES: Final = 2_000
_NAMES_BLOBS: Final = ("report.received", "reports.counted")
_BLOBS: Final = "SELECT sealed, payload FROM entries WHERE seq > ? AND (instr(sealed, '\"blob\":') OR kind IN (?, ?))"
_HEX: Final = re.compile(rb"[0-9a-f]{64}")
_WORLD: Final = "SELECT payload FROM entries WHERE kind = 'world.opened' ORDER BY seq LIMIT 1"

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is done (0 to 1)."""


def quiet(_what: str, _share: float) -> None:
    """Tells nobody."""


class Part(BaseModel):
    """A file within an export."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What an export says it holds; every word of it is checked when it is taken in."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    schema_: Literal["tocsin.export/1"] = Field(default=SCHEMA, alias="schema")
    stream: str
    world: str
    """live, drill, whatif; empty if its first segment is not at hand."""
    made: str
    after: int
    """What was asked for: entries after this one. The file begins at the segment that holds the next."""
    first_seq: int
    head_seq: int
    head: str
    """Hash of the newest entry: note it elsewhere, and compare."""
    public_keys: tuple[str, ...]
    segments: tuple[Part, ...]
    blobs: tuple[Part, ...]


def export(
    journal: Path,
    to: Path,
    *,
    made_ms: int,
    blobs: Path | None = None,
    after: int = START,
    progress: Progress = quiet,
) -> tuple[Path, Manifest]:
    """The file written and what it holds: the journal's entries after a position, in whole segments, verified.

    ``to`` is a folder or a file that does not exist yet (``TOC-3128``). ``TOC-3127`` if there is nothing after the
    position, ``TOC-3002`` if the journal is damaged: a damaged journal is copied file by file, as evidence.
    """
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-export-")))
        with storage_errors(journal.name):
            copies = [_copied(file, work, progress) for file in _from(journal, after)]
        report = verify(work)
        if not report.ok:
            raise JournalError(report.why, code="TOC-3002" if report.first_bad is not None else "TOC-3105")
        first_seq, head_seq = _span(copies)
        if head_seq <= after:
            raise JournalError(f"There is nothing after {after}: the newest entry is {head_seq}.", code="TOC-3127")
        found = _blob_files(copies, blobs, after)
        manifest = Manifest(
            stream=report.stream, world=_world(journal), made=rfc3339(made_ms), after=after, first_seq=first_seq,
            head_seq=head_seq, head=report.head, public_keys=report.public_keys,
            segments=tuple(_part(f"segments/{copy.name}", copy) for copy in copies),
            blobs=tuple(_part(f"blobs/{path.parent.name}/{path.name}", path) for path in found),
        )  # fmt: skip
        target = to / file_name(manifest) if to.is_dir() else to
        _pack(target, manifest, [*copies, *found], progress)
    return target, manifest


def file_name(manifest: Manifest) -> str:
    """The name an export is given in a folder: world, stream, first and last entry."""
    stream = quote(manifest.stream, safe="")
    begin = f"{manifest.world}-" if manifest.world and not stream.startswith(manifest.world) else ""
    return f"{begin}{stream}-{manifest.first_seq}-{manifest.head_seq}{SUFFIX}"


# --- reading the journal ------------------------------------------------------------------------------------


def _from(journal: Path, after: int) -> list[Path]:
    """The segments that hold entries after a position."""
    files = segment_files(journal)
    if not files:
        raise JournalError(f"{journal.name} holds no segment.", code="TOC-3105")
    while len(files) > 1:
        with closing(open_for_reading(files[1])) as connection:
            if read_header(connection, files[1].name).first_seq > after + 1:
                break
        del files[0]
    return files


def _copied(file: Path, work: Path, progress: Progress) -> Path:
    copy = work / file.name
    with closing(open_for_reading(file)) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
        source.execute("BEGIN")  # one instant of it, however long the copying takes and whatever is written meanwhile
        source.execute("SELECT count(*) FROM header").fetchone()
        source.backup(target, pages=_PAGES, progress=lambda _state, left, all_: _told(progress, file.name, left, all_))
    # Copied is what a reader sees; what lies behind damage in the log is lost to one, and must not go unsaid. Looked at
    # again, because a log that is being written may look damaged once.
    if all(commits_cut_off(file) for _ in range(3)):
        raise JournalError(f"{file.name}-wal is damaged: its newest commits are lost.", code="TOC-3002")
    for side in ("-wal", "-shm"):
        copy.with_name(copy.name + side).unlink(missing_ok=True)
    return copy


def _told(progress: Progress, name: str, left: int, pages: int) -> None:
    progress(f"copying {name}", 1 - left / pages if pages else 1.0)


def _span(copies: list[Path]) -> tuple[int, int]:
    ends = []
    for copy in (copies[0], copies[-1]):
        with closing(open_for_reading(copy)) as connection:
            header = read_header(connection, copy.name)
            ends.append((header.first_seq, last_head(connection, header).seq))
    return ends[0][0], ends[1][1]


def _world(journal: Path) -> str:
    first = segment_files(journal)[0]
    with storage_errors(first.name), closing(open_for_reading(first)) as connection:
        row = connection.execute(_WORLD).fetchone()
    found = re.search(rb'"world":"([a-z]{1,8})"', row[0]) if row else None
    return found[1].decode() if found else ""


def _blob_files(copies: list[Path], blobs: Path | None, after: int) -> list[Path]:
    """The blobs that the entries name and that are still there: one that was forgotten is not."""
    if blobs is None or not blobs.is_dir():
        return []
    there = {path.name: path for path in blobs.glob("*/*") if _HEX.fullmatch(path.name.encode())}
    return [there[name] for name in sorted(set(_named(copies, after)) & set(there))]


def _named(copies: list[Path], after: int) -> Iterator[str]:
    for copy in copies:
        with closing(open_for_reading(copy)) as connection:
            for sealed, payload in connection.execute(_BLOBS, (after, *_NAMES_BLOBS)):
                yield from (name.decode() for name in _HEX.findall(sealed + b"\n" + payload))


def _part(name: str, file: Path) -> Part:
    with storage_errors(file.name), file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        return Part(name=name, bytes=stream.tell(), sha256=digest.hexdigest())


# --- writing the file ---------------------------------------------------------------------------------------


def _pack(target: Path, manifest: Manifest, files: list[Path], progress: Progress) -> None:
    whole = sum(part.bytes for part in (*manifest.segments, *manifest.blobs)) or 1
    done = 0
    try:
        file = target.open("xb")
    except FileExistsError:
        raise JournalError(f"It is {target}.", code="TOC-3128") from None
    except OSError as error:
        raise JournalError(f"{target}: {error.strerror}.") from error
    try:
        with storage_errors(target.name), file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(_entry("manifest.json"), manifest.model_dump_json(by_alias=True, indent=1))
                for part, path in zip((*manifest.segments, *manifest.blobs), files, strict=True):
                    with path.open("rb") as source, archive.open(_entry(part.name), "w", force_zip64=True) as sink:
                        shutil.copyfileobj(source, sink, CHUNK)
                    done += part.bytes
                    progress("packing", done / whole)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # without a time of day: the manifest says when
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
