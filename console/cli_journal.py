"""The journal commands that need no key: verify, show, info, export, import. ``console.cli_custody`` has the others."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from console import cli_custody, cli_serve
from console.cli_city import AsJson, bar, give
from console.journals import place_of, reading, told_by_servers
from console.stopped import journal_of
from picture.errors import JournalError

REFUSED = 3

File = Annotated[Path, typer.Argument(metavar="JOURNAL", help="A journal's folder, one of its files, or its world.")]


def register(journal: typer.Typer) -> None:
    """Adds the journal commands to the command line."""
    journal.command("verify")(verify)
    journal.command("show")(show)
    journal.command("info")(info)
    journal.command("export")(export)
    journal.command("import")(import_)
    cli_custody.register(journal)
    cli_serve.register(journal)


def verify(
    file: File,
    as_json: AsJson = False,
    seed: cli_serve.Seed = None,
    tls: cli_serve.Certificates = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="On a server: the mirror that it keeps.")] = False,
) -> None:
    """Checks the chain and signatures, without the world's keys; names the first bad entry. Exit 3 where one is bad.

    A stream on a server is given as nats://HOST:PORT/STREAM.
    """
    from picture.journal import verify as verified

    if cli_serve.is_on_server(file):
        report = cli_serve.verified(file, seed, tls, mirror)
    elif place_of(journal_of(file)) is not None:
        with reading(journal_of(file)) as reader:
            report = reader.verify()
    else:
        report = verified(journal_of(file))
    if as_json:
        give(
            {
                "schema": "tocsin.verify/1",
                "ok": report.ok,
                "stream": report.stream,
                "entries": report.entries,
                "commits": report.commits,
                "segments": report.segments,
                "signatures": report.signatures,
                "first_bad": report.first_bad,
                "why": report.why,
                "head": report.head,
                "public_keys": list(report.public_keys),
            }
        )
    elif report.ok:
        typer.echo(
            f"{report.stream}: {report.entries} entries in {report.commits} commits, chain and signatures hold."
            f" Head {report.head}"
        )
        for number, key in enumerate(report.public_keys):
            typer.echo(f"{'signed by' if not number else 'and then by'} {key}")
    else:
        where = f"entry {report.first_bad}" if report.first_bad is not None else "the file"
        typer.echo(f"{report.stream}: {where} is bad: {report.why}")
    if not report.ok:
        raise typer.Exit(REFUSED)


def show(
    file: File,
    after: Annotated[int, typer.Option(help="Only entries after this one.")] = 0,
    kind: Annotated[list[str] | None, typer.Option(help="Only these kinds (may be repeated).")] = None,
    limit: Annotated[int, typer.Option(help="At most so many; 0: all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="Lay it out as tables in this SQLite file, for any SQLite tool.")
    ] = None,
    digest: Annotated[bool, typer.Option("--digest", help="Only fold it and print the picture's digest.")] = False,
) -> None:
    """Shows what a journal holds, clear parts only; with --digest the picture it folds to, with --to as tables."""
    from itertools import islice

    from sqlite_utils import Database

    from picture.fold import Picture
    from picture.journal.projections import project, shown
    from picture.text import visible

    with reading(journal_of(file)) as reader:
        if digest:
            # The digest of an altered or cut-off journal would look like any other.
            report = reader.verify()
            if not report.ok:
                raise JournalError(report.why, code="TOC-3002" if report.first_bad else "TOC-3105")
            picture = Picture(reader.stream).apply_all(reader.read())
            give({"schema": "tocsin.digest/1", "cursor": picture.cursor, "picture_digest": picture.digest()})
            return
        if to is not None:
            give({"schema": "tocsin.tables/1", "file": str(to), "entries": project(reader, Database(to))})
            return
        rows = shown(reader, after=after, kinds=tuple(kind or ()))
        for row in islice(rows, limit or None):
            if as_json:
                typer.echo(json.dumps(row, ensure_ascii=False, default=str))
            else:
                typer.echo(visible(f"{row['seq']:>6}  {row['at']}  {row['kind']:<20} {row['what']}"))


def info(file: File, as_json: AsJson = False) -> None:
    """Says what a journal is: stream, head, segments, size, keys, holds, and what waits to be forgotten."""
    from picture.text import visible

    said = _described(journal_of(file))
    if as_json:
        give({"schema": "tocsin.journal/1", **said})
        return
    lines = [
        f"{said['stream']}: {said['entries']} entries in {said['segments']} segments, {said['bytes']} bytes",
        *((f"on {', '.join(said['servers'])}; a commit survives as {said['durability']}",) if said["servers"] else ()),
        f"head {said['head']['seq']} {said['head']['hash']}",
        *(f"{'and then' if number else 'signed'} by {key}" for number, key in enumerate(said["public_keys"])),
        *(f"hold on {scope} since {since}" for scope, since in said["holds"].items()),
        *(f"{one['id']}: {one['person']} asked to forget {one['scope']}" for one in said["erasures"]),
        *(f"key {one['id']} {one['scope']} {one['class']} {one['generation']}" for one in said["keys"]),
    ]
    typer.echo("\n".join(map(visible, lines)))


def _described(journal: Path) -> dict[str, Any]:
    from console.stopped import KEEPING_KINDS
    from picture.clock import rfc3339
    from picture.fold import Picture
    from picture.journal.segments import open_for_reading, read_header, segment_files
    from picture.sealing import Keyring

    place = place_of(journal)
    with reading(journal) as reader:
        head, picture = reader.head(), Picture(reader.stream)
        for entry in reader.read(kinds=KEEPING_KINDS):
            picture.home.seq = entry.seq - 1
            picture.apply(entry)
    files = segment_files(journal) if journal.is_dir() else [journal]
    _, size, durability = told_by_servers(place) if place else (head, sum(one.stat().st_size for one in files), "disk")
    headers = []
    for segment in files:
        with closing(open_for_reading(segment)) as connection:
            headers.append(read_header(connection, segment.name))
    keys = journal.resolve().parent / "keys"
    ring = Keyring(keys).inventory() if journal.is_dir() and keys.is_dir() else ()
    home = picture.home
    return {
        "stream": head.stream,
        "world": home.world,
        "entries": head.seq - (headers[0].first_seq if headers else 1) + 1,
        "first": headers[0].first_seq if headers else 1,
        "head": {"seq": head.seq, "hash": head.hash},
        "segments": len(files),
        "bytes": size,
        "durability": durability,
        "servers": list(place.servers) if place else [],
        "public_keys": list(dict.fromkeys(header.public_key for header in headers)),
        "holds": {scope: rfc3339(since) for scope, since in home.holds.items()},
        "erasures": [
            {"id": one.id, "scope": one.scope, "person": one.person, "asked": rfc3339(one.asked_ms)}
            for one in home.erasures.values()
        ],
        "forgotten_keys": len(home.shredded),
        "keys": [
            {"id": key.id, "scope": key.scope, "class": key.retention, "generation": key.generation} for key in ring
        ],
    }


def export(
    file: File,
    to: Annotated[Path, typer.Option(help="A folder, or the name of a new file.")],
    after: Annotated[int, typer.Option(help="Only what came after this entry, in whole segments.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Writes a journal into one file, to be carried away: bytes and signatures as they are stored, and no key."""
    from picture.journal.transport import export as exported

    journal = journal_of(file)
    with bar() as tell:
        path, manifest = exported(
            journal, to, made_ms=time.time_ns() // 1_000_000, blobs=journal.resolve().parent / "blobs", after=after,
            progress=tell,
        )  # fmt: skip
    if as_json:
        head = {"seq": manifest.head_seq, "hash": manifest.head}
        give(
            {
                "schema": "tocsin.exported/1",
                "file": str(path),
                "stream": manifest.stream,
                "first": manifest.first_seq,
                "head": head,
                "segments": len(manifest.segments),
                "blobs": len(manifest.blobs),
                "bytes": path.stat().st_size,
                "public_keys": list(manifest.public_keys),
            }
        )
        return
    typer.echo(
        f"{path}: entries {manifest.first_seq} to {manifest.head_seq} of {manifest.stream}, without keys."
        f" Head {manifest.head}"
    )


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `tocsin journal export` wrote.")],
    to: Annotated[Path, typer.Option(metavar="JOURNAL", help="The journal's folder: empty, or with what came before.")],
    as_json: AsJson = False,
) -> None:
    """Takes an export in after checking all of it; refuses what differs from, or does not go on from, what is here."""
    from picture.journal.arrival import take_in

    journal = journal_of(to)
    with bar() as tell:
        taken = take_in(file, journal, blobs=journal.resolve().parent / "blobs", progress=tell)
    if as_json:
        give(
            {
                "schema": "tocsin.imported/1",
                "stream": taken.head.stream,
                "entries": taken.entries,
                "head": {"seq": taken.head.seq, "hash": taken.head.hash},
                "blobs": taken.blobs,
                "public_keys": list(taken.manifest.public_keys),
            }
        )
        return
    typer.echo(
        f"{taken.head.stream}: {taken.entries} entries are new here, the newest is {taken.head.seq}."
        f" Head {taken.head.hash}"
    )
