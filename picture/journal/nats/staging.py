"""New entries as chained rows: the same columns, boxes and hashes as in SQLite, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from picture.entry import Entry, NewEntry
from picture.errors import JournalError
from picture.events import clear_part
from picture.journal.blobs import BlobStore
from picture.journal.boxes import boxed
from picture.journal.chain import Row, chained, decoded, encoded
from picture.journal.protocol import Head
from picture.sealing import Keyring


def staged_rows(
    new_entries: Sequence[NewEntry], *, commit_id: str, after: Head, keyring: Keyring, blobs: BlobStore | None
) -> tuple[tuple[Row, ...], tuple[Entry, ...]]:
    """The rows of a commit that goes on from ``after``, and the entries that reading them gives.

    ``TOC-3104`` where an event cannot be journalled; then nothing was done.
    """
    if not new_entries:
        raise JournalError("A commit has at least one entry.", code="TOC-3104")
    rows: list[Row] = []
    entries: list[Entry] = []
    first_seq, prev = after.seq + 1, after.hash
    try:
        for index, new in enumerate(new_entries):
            _check_causes(new, index, first_seq)
            event = new.event.bound(first_seq)
            place = (after.stream, commit_id, index)
            sealed = boxed(event, place, keyring=keyring, blobs=blobs, source=new.source)
            payload, event = encoded(clear_part(event) if sealed else event)
            row = chained(
                after.stream, new, seq=first_seq + index, commit_id=commit_id, index=index, clear=(payload, sealed),
                prev=prev,
            )  # fmt: skip
            prev = row.hash
            rows.append(row)
            entries.append(decoded(after.stream, row, event))
    except ValueError as error:  # text that has no UTF-8
        raise JournalError(f"Commit {commit_id!r}: {error}.", code="TOC-3104") from error
    return tuple(rows), tuple(entries)


def _check_causes(new: NewEntry, index: int, first_seq: int) -> None:
    if not new.cause and not new.cause_index:
        return
    within = all(0 <= other < index for other in new.cause_index)
    if not within or not all(0 < seq < first_seq for seq in new.cause):
        raise JournalError(f"An event {new.event.kind} names a cause that is not before it.", code="TOC-3104")
