"""Taking in a journal that came in a file: nothing is believed before it is checked, and nothing is overwritten.

Order: the file against its manifest, the segments against their own chain and signatures, then the two journals
against each other. Only then are entries added: to the newest segment in one transaction, and later segments by a
rename, oldest first. A crash leaves a shorter journal that is whole, and taking the file in again goes on.
"""

from __future__ import annotations

import errno
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from picture.errors import JournalError
from picture.journal.protocol import START, Head
from picture.journal.rotation import next_signer
from picture.journal.segments import (
    Header,
    last_head,
    open_for_reading,
    open_for_writing,
    read_header,
    segment_files,
    storage_errors,
)
from picture.journal.sqlite import claim_writer
from picture.journal.transport import CHUNK, Manifest, Part, Progress, quiet
from picture.journal.verify import verify

_ARRIVING: Final = ".arriving-"
_MOST_MANIFEST: Final = 64 << 20
_MOST_OF_FREE: Final = 0.9
_SEGMENT: Final = re.compile(r"segments/segment-\d{6}\.sqlite")
_BLOB: Final = re.compile(r"blobs/[A-Za-z0-9_~%-]{1,200}/[0-9a-f]{64}")
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError, ValueError)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking an export in."""

    manifest: Manifest
    entries: int
    """How many are new here; 0 if all were here already."""
    head: Head
    blobs: int


@dataclass(frozen=True, slots=True)
class _End:
    """Where a journal's newest segment stands."""

    file: Path
    header: Header
    head: Head
    signer: str


def take_in(file: Path, journal: Path, *, blobs: Path | None = None, progress: Progress = quiet) -> Taken:
    """What was taken from an export into a journal's folder, which may be empty, or hold what came before.

    Refused with nothing taken: ``TOC-3125`` if the file is not whole, ``TOC-3002`` if its chain is broken,
    ``TOC-3126`` if the journals differ (the first entry that differs is named), ``TOC-3127`` if the export ends
    before the journal here or leaves a gap, ``TOC-3103`` if a core is writing here.
    """
    with storage_errors(journal.name):
        journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim = claim_writer(journal)
    with claim, tempfile.TemporaryDirectory(prefix=_ARRIVING, dir=journal) as folder:
        for left in journal.glob(f"{_ARRIVING}*"):  # by a kill: nobody else is at work here
            if left != Path(folder):
                shutil.rmtree(left, ignore_errors=True)
        work = Path(folder)
        manifest = _unpack(file, work, progress)
        _check(manifest, work / "segments")
        arrived = [work / part.name for part in manifest.segments]
        before = _end(segment_files(journal)[-1]) if segment_files(journal) else None
        if before is None and manifest.first_seq != START + 1:
            raise JournalError(f"Here is nothing yet, and it begins at {manifest.first_seq}: use --after 0.",
                               code="TOC-3127")  # fmt: skip
        if before is not None:
            _compare(manifest, arrived, before)
        _take(arrived, journal, before)
        count = _take_blobs(manifest, work, blobs)
    had = before.head.seq if before else START
    return Taken(manifest, manifest.head_seq - had, Head(manifest.stream, manifest.head_seq, manifest.head), count)


# --- the file -----------------------------------------------------------------------------------------------


def _unpack(file: Path, work: Path, progress: Progress) -> Manifest:
    try:
        with storage_errors(file.name), _outside(), zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive)
            parts = (*manifest.segments, *manifest.blobs)
            named = sorted(["manifest.json", *(part.name for part in parts)])
            if sorted(archive.namelist()) != named or len(set(named)) != len(named):
                raise JournalError("It holds other files than its manifest says.", code="TOC-3125")
            whole, done = sum(part.bytes for part in parts) or 1, 0
            _require_room(archive, parts, work)
            for part in parts:
                _unpack_part(archive, part, work / part.name)
                done += part.bytes
                progress("reading", done / whole)
            return manifest
    except _BROKEN as error:
        raise JournalError(f"{file.name}: {error}.", code="TOC-3125") from error


@contextmanager
def _outside() -> Iterator[None]:
    """Turns what the system says of a place before the file's beginning, which a damaged directory names."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile("its directory names a place outside of it") from error


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    with archive.open("manifest.json") as stream:
        text = stream.read(_MOST_MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise JournalError(f"Its manifest is not valid: {where}: {first['msg']}.", code="TOC-3125") from error
    # Names become paths: only what a journal's own files are called is ever written.
    wrong = [part.name for part in manifest.segments if not _SEGMENT.fullmatch(part.name)]
    wrong += [part.name for part in manifest.blobs if not _BLOB.fullmatch(part.name)]
    if wrong or not manifest.segments:
        raise JournalError(f"It holds what no journal has: {wrong[:1] or 'no segment'}.", code="TOC-3125")
    return manifest


def _require_room(archive: zipfile.ZipFile, parts: tuple[Part, ...], work: Path) -> None:
    """Nothing, if what is packed may be unpacked here: a small file may hold more than a disk, and a core that runs
    on it would be the first to find no room. ``TOC-3125`` where the sizes differ from the manifest's."""
    wrong = [part.name for part in parts if archive.getinfo(part.name).file_size != part.bytes]
    if wrong:
        raise JournalError(f"{wrong[0]} is not what the manifest says.", code="TOC-3125")
    whole, free = sum(part.bytes for part in parts), shutil.disk_usage(work).free
    if whole > free * _MOST_OF_FREE:
        raise JournalError(f"It takes {whole} bytes; of {free} that are free a tenth must stay so.", code="TOC-3101")


def _unpack_part(archive: zipfile.ZipFile, part: Part, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, left = sha256(), part.bytes
    with archive.open(part.name) as source, to.open("xb") as sink:
        to.chmod(0o600)
        while chunk := source.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            sink.write(chunk)
    if left or digest.hexdigest() != part.sha256:
        raise JournalError(f"{part.name} is not what the manifest says.", code="TOC-3125")


def _check(manifest: Manifest, segments: Path) -> None:
    """Nothing, if the segments verify by themselves and are those of the manifest."""
    report = verify(segments)
    if not report.ok:
        raise JournalError(report.why, code="TOC-3002" if report.first_bad is not None else "TOC-3105")
    said = (manifest.stream, manifest.head, manifest.public_keys, manifest.head_seq)
    head_seq = manifest.first_seq + report.entries - 1
    if said != (report.stream, report.head, report.public_keys, head_seq):
        raise JournalError("Its manifest speaks of another journal than it holds.", code="TOC-3125")
    if any(part.name.rpartition("/")[2] != part.sha256 for part in manifest.blobs):
        raise JournalError("A blob is not what its name says.", code="TOC-3125")


# --- the two journals ---------------------------------------------------------------------------------------


def _end(file: Path) -> _End:
    with storage_errors(file.name), closing(open_for_reading(file)) as connection:
        header = read_header(connection, file.name)
        return _End(file, header, last_head(connection, header), next_signer(connection, header.public_key))


def _compare(manifest: Manifest, arrived: list[Path], here: _End) -> None:
    """Nothing, if the export holds all that is here from where it begins, and begins where here ends or before."""
    if manifest.stream != here.head.stream:
        raise JournalError(f"Here is {here.head.stream}, and there {manifest.stream}.", code="TOC-3126")
    if manifest.first_seq > here.head.seq + 1:
        raise JournalError(
            f"Here are entries to {here.head.seq}, there from {manifest.first_seq}: use --after {here.head.seq}.",
            code="TOC-3127",
        )
    if manifest.first_seq == here.head.seq + 1:
        first = _end(arrived[0]).header
        if first.predecessor_head != here.head.hash or first.public_key != here.signer:
            raise JournalError(f"They differ at entry {here.head.seq} or before.", code="TOC-3126")
        return
    common = min(here.head.seq, manifest.head_seq)
    differs = _first_difference(here.file.parent, arrived[0].parent, manifest.first_seq, common)
    if differs is not None:
        raise JournalError(f"They differ from entry {differs} on.", code="TOC-3126")
    if manifest.head_seq < here.head.seq:
        raise JournalError(
            f"It ends at entry {manifest.head_seq}; here are {here.head.seq}: use --after {here.head.seq}.",
            code="TOC-3127",
        )
    same = arrived[0].with_name(here.file.name)
    if not same.exists() or _end(same).header != here.header:
        raise JournalError(f"They differ in how {here.file.name} begins.", code="TOC-3126")


def _first_difference(here: Path, there: Path, first: int, last: int) -> int | None:
    """The first entry whose hash differs, or None. Each hash covers all before it: once different, always different."""
    if _hash(here, last) == _hash(there, last):
        return None
    while first < last:
        middle = (first + last) // 2
        if _hash(here, middle) == _hash(there, middle):
            first = middle + 1
        else:
            last = middle
    return first


def _hash(folder: Path, seq: int) -> bytes | None:
    for file in reversed(segment_files(folder)):
        with storage_errors(file.name), closing(open_for_reading(file)) as connection:
            row = connection.execute("SELECT hash FROM entries WHERE seq = ?", (seq,)).fetchone()
        if row is not None:
            return bytes(row[0])
    return None


# --- taking -------------------------------------------------------------------------------------------------


def _take(arrived: list[Path], journal: Path, before: _End | None) -> None:
    for one in arrived:
        if before is None or one.name > before.file.name:
            with storage_errors(one.name):
                one.replace(journal / one.name)
        elif one.name == before.file.name:
            _extend(before, one)


def _extend(here: _End, longer: Path) -> None:
    """Adds to the newest segment what a longer copy of it holds more."""
    with storage_errors(here.file.name), closing(open_for_writing(here.file, "FULL")) as connection:
        connection.execute("ATTACH ? AS longer", (f"{longer.resolve().as_uri()}?immutable=1",))
        connection.execute("BEGIN IMMEDIATE")
        try:
            after = (here.head.seq,)
            connection.execute("INSERT INTO entries SELECT * FROM longer.entries WHERE seq > ? ORDER BY seq", after)
            connection.execute(
                "INSERT INTO commits SELECT * FROM longer.commits WHERE first_seq > ? ORDER BY rowid", after
            )
            connection.execute("INSERT OR IGNORE INTO checkpoints SELECT * FROM longer.checkpoints")
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("DETACH longer")


def _take_blobs(manifest: Manifest, work: Path, blobs: Path | None) -> int:
    taken = 0
    for part in manifest.blobs if blobs is not None else ():
        assert blobs is not None
        _, source, name = part.name.split("/")
        to = blobs / source / name
        with storage_errors(name):
            if not to.exists():
                to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                (work / part.name).replace(to)
                taken += 1
    return taken
