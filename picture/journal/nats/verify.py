"""Recomputing a stream from the messages a server gives: no key and no other file is needed."""

from __future__ import annotations

from picture.errors import JournalError
from picture.journal.nats.envelope import AlteredError, checked, signature_holds, signer_after, unpacked
from picture.journal.nats.names import Names
from picture.journal.nats.wire import Wire
from picture.journal.protocol import GENESIS, START, ChainReport, Head


async def verify_stream(wire: Wire, names: Names) -> ChainReport:
    """What is wrong with a stream, and at which entry it begins.

    Every commit is signed. Compare ``public_keys`` with the core's key noted elsewhere: whoever can write
    the stream can sign it with a key of his own.
    """
    head = Head(names.stream, START, GENESIS)
    commits = 0
    keys: dict[str, None] = {}
    signer = ""
    bad: int | None = None
    why = ""
    try:
        newest = await wire.last(names)
        if newest is None:
            if await wire.info(names) is None:
                why = f"There is no stream {names.on_server}."
        else:
            async for message in wire.messages(names, 0, newest.at):
                envelope = unpacked(message)
                after = checked(envelope, head)
                if not signature_holds(names.stream, envelope):
                    raise AlteredError(after.seq, f"The signed checkpoint at entry {after.seq} does not fit.")
                if signer not in ("", envelope.public_key):
                    raise AlteredError(envelope.first, f"Entry {envelope.first} is signed by a key nobody vouches for.")
                signer = signer_after(names.stream, envelope)
                keys[envelope.public_key] = None
                head, commits = after, commits + 1
    except AlteredError as error:
        bad, why = error.seq, error.detail
    except JournalError as error:
        if error.code != "TOC-3002":
            raise
        bad, why = head.seq + 1, error.detail
    return ChainReport(
        stream=names.stream, entries=head.seq, commits=commits, segments=1, head=head.hash, first_bad=bad, why=why,
        signatures=commits, public_keys=tuple(keys),
    )  # fmt: skip
