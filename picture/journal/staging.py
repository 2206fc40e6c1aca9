"""New entries as chained rows, the same in every journal: bound, boxed, encoded, hashed, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

from picture.entry import Entry, NewEntry
from picture.errors import JournalError
from picture.events import clear_part
from picture.journal.blobs import BlobStore
from picture.journal.boxes import boxed
from picture.journal.chain import Row, encoded, linked
from picture.journal.protocol import Head
from picture.sealing import Keyring


def staged(
    new_entries: Sequence[NewEntry], *, commit_id: str, after: Head, keyring: Keyring, blobs: BlobStore | None
) -> tuple[list[Row], list[Entry]]:
    """The rows of a commit that goes on from ``after``, and the entries that reading them gives.

    ``TOC-3104`` where an event cannot be journalled; then nothing was done.
    """
    if not new_entries:
        raise JournalError("A commit has at least one entry.", code="TOC-3104")
    rows: list[Row] = []
    entries: list[Entry] = []
    stream, first_seq, prev = after.stream, after.seq + 1, after.hash
    try:
        for index, new in enumerate(new_entries):
            if new.cause or new.cause_index:
                _check_causes(new, index, first_seq)
            event = new.event.bound(first_seq)
            sealed = boxed(event, (stream, commit_id, index), keyring=keyring, blobs=blobs, source=new.source)
            payload, event = encoded(clear_part(event) if sealed else event)
            row, entry = linked(
                stream, new, event, seq=first_seq + index, commit_id=commit_id, index=index, clear=(payload, sealed),
                prev=prev,
            )  # fmt: skip
            prev = row.hash
            rows.append(row)
            entries.append(entry)
    except ValueError as error:  # text that has no UTF-8
        raise JournalError(f"Commit {commit_id!r}: {error}.", code="TOC-3104") from error
    return rows, entries


def _check_causes(new: NewEntry, index: int, first_seq: int) -> None:
    if any(not 0 <= other < index for other in new.cause_index) or any(not 0 < seq < first_seq for seq in new.cause):
        raise JournalError(f"An event {new.event.kind} names a cause that is not before it.", code="TOC-3104")
