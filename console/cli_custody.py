"""The journal commands that need a stopped world's keys: rotate-key, retention, hold, erase, open."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli_city import AsJson, give
from picture.errors import JournalError, RefusedError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from console.config import Home
    from console.stopped import StoppedWorld
    from picture.journal.retention import Fate

JournalFolder = Annotated[Path, typer.Argument(metavar="JOURNAL", help="A world's folder, or its journal's.")]
Who = Annotated[str, typer.Option("--person", help="Who does it; the log-in name by default. It is journalled.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is journalled.")]


def register(journal: typer.Typer) -> None:
    """Adds the commands that keep a journal to the command line."""
    journal.command("rotate-key")(rotate_key)
    journal.command("retention")(retention)
    journal.command("hold")(hold)
    journal.command("erase")(erase)
    journal.command("open")(open_)


def rotate_key(
    journal: JournalFolder,
    why: Why,
    sealing: Annotated[bool, typer.Option("--sealing", help="Renew the keys that seal values too.")] = False,
    person: Who = "",
    as_json: AsJson = False,
) -> None:
    """Replaces the key a core signs with: an entry in which the old key vouches for the new one."""
    from picture.events import KeyRotated
    from picture.journal.rotation import rotate

    with _opened(journal, person) as world:
        entries = rotate(
            world.journal, world.keys, actor=world.actor, now_ms=world.now_ms(), why=why,
            keyring=world.keyring if sealing else None,
        )  # fmt: skip
        world.fold(entries)
    entry = next(entry for entry in entries if isinstance(entry.event, KeyRotated))
    assert isinstance(entry.event, KeyRotated)
    said = {"schema": "tocsin.rotated/1", "entry": entry.seq, "old": entry.event.old, "new": entry.event.new,
            "sealing_keys": len(entry.event.sealing)}  # fmt: skip
    _say(said, as_json, f"Entry {entry.seq}: from here on {entry.event.new} signs. Note it where others can compare.")


def retention(
    journal: JournalFolder,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Destroy what is due, or only say what would be.")
    ] = False,
    person: Who = "",
    as_json: AsJson = False,
) -> None:
    """Destroys the keys whose days are over, by class; `[retention]` of tocsin.toml says how many. Holds are kept."""
    from picture.journal.retention import apply_retention, fates

    policy = _home_of(journal).config().retention
    with _opened(journal, person, all_kinds=True) as world:
        now = world.aged_ms()
        found = fates(world.picture, world.keyring, policy, now)
        done = {key for event in apply_retention(world.keeping, policy, now) for key in event.keys} if apply else set()
    rows = [_fate_row(fate, now, fate.key.id in done) for fate in found]
    if as_json:
        give({"schema": "tocsin.retention/1", "applied": apply, "keys": rows})
        return
    for row in rows:
        typer.echo(f"{row['fate']:10} {row['scope']:16} {row['class']:12} {row['due'] or '':26} {row['key']}")
    if not apply and any(row["fate"] == "due" for row in rows):
        typer.echo("Nothing was destroyed: say --apply to do it.", err=True)


def hold(
    journal: JournalFolder,
    scope: Annotated[str, typer.Argument(help="An incident's id, or another scope: units, general.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Set the hold, or lift it.", show_default=False)],
    why: Why,
    person: Who = "",
    as_json: AsJson = False,
) -> None:
    """Sets or lifts a legal hold: while it stands, nothing of the scope is erased, by nobody and no rule."""
    from picture.journal.custody import change_hold

    with _opened(journal, person) as world:
        if on:
            _require_scope(world, scope)
        changed = change_hold(world.keeping, scope, on=on, why=why)
    said = {"schema": "tocsin.hold/1", "scope": scope, "on": on, "changed": changed}
    state = "under legal hold" if on else "not under legal hold"
    _say(said, as_json, f"{scope} is {state}{'' if changed else ', as it was'}.")


def erase(
    journal: JournalFolder,
    why: Why,
    scope: Annotated[str, typer.Option("--scope", help="Whose values: an incident, or units, general.")] = "",
    incident: Annotated[str, typer.Option("--incident", help="The same, for an incident.")] = "",
    retention_class: Annotated[
        str, typer.Option("--class", help="Only this retention class; every one by default.")
    ] = "",
    person: Who = "",
    key: Annotated[
        Path | None, typer.Option("--key", help="File with this person's signing key; in a drill one is made.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Forgets what was sealed, for good: asked for by one person, done when a second one says the same.

    In a live world each logs in: token and second factor are asked for, or read from stdin, a line each.
    """
    from picture.journal import custody

    if bool(scope) == bool(incident):
        raise UsageError("Give --scope or --incident, one of them.")
    scope = scope or incident
    with _opened(journal, person) as world:
        who, now, stream = world.actor.person, world.now_ms(), world.picture.stream
        signing = _key_of(world, key)
        _prove(world)
        waiting = custody.waiting_erasure(world.picture, scope, retention_class, now)
        request = waiting.id if waiting else f"ER-{world.journal.head().seq + 1}"
        signed = custody.signed_erasure(signing, stream, request, scope, retention_class, who)
        said: dict[str, Any] = {"schema": "tocsin.erase/1", "request": request, "scope": scope}
        if waiting is None:
            custody.ask_erasure(
                world.keeping, scope, signed, request=request, why=why, retention_class=retention_class
            )  # fmt: skip
            said |= {"state": "asked", "by": [who], "keys": []}
            words = f"{request}: {who} asked to forget {scope}. Nothing is destroyed until a second person says so too."
        else:
            events = custody.confirm_erasure(world.keeping, request, signed, now_ms=now, why=why)
            keys = [name for event in events for name in event.keys]
            said |= {"state": "erased", "by": list(events[0].by), "keys": keys}
            words = f"{request}: {' and '.join(events[0].by)} forgot {scope}: {len(keys)} keys are destroyed."
    _say(said, as_json, words)


def open_(
    journal: JournalFolder,
    seq: Annotated[int, typer.Argument(help="The entry's number.")],
    path: Annotated[str, typer.Argument(help="One sealed value of it, such as report.caller; all by default.")] = "",
    why: Why = "",
    person: Who = "",
    as_json: AsJson = False,
) -> None:
    """Opens sealed values; that you did, and why, is journalled before they are shown."""
    from picture.journal.custody import open_for
    from picture.text import visible

    with _opened(journal, person) as world:
        entry = world.journal.entry(seq)
        paths = [one for one in (entry.sealed if entry else ()) if path in ("", one)]
        refs = [ref for one in paths if entry and (ref := entry.ref(one))]
        if not refs:
            raise JournalError(f"Entry {seq}{f' at {path}' if path else ''}.", code="TOC-3124")
        values = {
            ref.path: value for ref, value in open_for(world.journal, refs, record=world.record, why=why).items()
        }  # fmt: skip
    if as_json:
        give({"schema": "tocsin.opened/1", "entry": seq, "values": values})
        return
    for name, value in values.items():
        shown = (
            "(forgotten: there is no key)" if value is None else value if isinstance(value, str) else json.dumps(value)
        )
        typer.echo(f"{name:24} {visible(shown)}")


# --- the world --------------------------------------------------------------------------------------------------


def _opened(path: Path, person: str, *, all_kinds: bool = False) -> StoppedWorld:
    from console.config import Home
    from console.stopped import KEEPING_KINDS, StoppedWorld
    from picture.entry import Actor

    config = Home.find().config()
    who = person or config.person
    position = config.position if who == config.person else ""
    return StoppedWorld(path, Actor(who, position, config.agency), kinds=None if all_kinds else KEEPING_KINDS)


def _home_of(journal: Path) -> Home:
    """The home that a world lies in, whose law is its own, also for somebody whose environment names another one."""
    from console.config import Home
    from console.stopped import journal_of

    folder = journal_of(journal).resolve().parent
    worlds = next((one for one in folder.parents if one.name == "worlds"), None)
    return Home.find() if worlds is None else Home.at(worlds.parent)


def _require_scope(world: StoppedWorld, scope: str) -> None:
    """Nothing, or ``TOC-3122``: a hold on a slip of the pen would hold nothing, and say that it does."""
    known = {"units", "general", *(info.scope for info in world.keyring.inventory())}
    opened = world.journal.read(kinds=frozenset({"incident.opened"}))
    if scope not in known and all(getattr(one.event, "incident", "") != scope for one in opened):
        raise JournalError(f"{scope} is no incident, and nothing was sealed for it.", code="TOC-3122")


def _key_of(world: StoppedWorld, key: Path | None) -> Ed25519PrivateKey:
    """The key a person signs with: the file given, or a drill's own for them, made when first needed."""
    from picture.sealing import core_signing_key, read_signing_key

    if key is not None:
        return read_signing_key(key)
    if world.picture.world != "drill":
        raise UsageError("Give --key: the file with your signing key.")
    return core_signing_key(world.folder / "people" / world.actor.person.replace("/", "_"))


def _prove(world: StoppedWorld) -> None:
    """Nothing, or ``TOC-4031``: the keys of both persons may lie in one account's home, their second factors do not."""
    from console.user_secrets import UserSecrets

    if world.picture.world != "live":
        return
    who, secrets = world.actor.person, UserSecrets(world.keys, world.keyring, world.now_ms)
    token = _asked("Token")
    if not secrets.token_fits(who, token) or (secrets.has_totp(who) and not secrets.totp_fits(who, _asked("Code"))):
        raise RefusedError(code="TOC-4031")


def _asked(what: str) -> str:
    """A secret, typed unseen or from the next line of stdin; never from the arguments, which others can read."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline().strip()


def _fate_row(fate: Fate, now_ms: int, destroyed: bool) -> dict[str, Any]:
    from picture.clock import rfc3339

    if destroyed:
        word = "destroyed"
    elif fate.held:
        word = "held"
    elif fate.ripe(now_ms):
        word = "due"
    else:
        word = "kept" if fate.due_ms is None else "waits"
    return {
        "key": fate.key.id, "scope": fate.key.scope, "class": fate.key.retention, "fate": word,
        "due": None if fate.due_ms is None else rfc3339(fate.due_ms),
    }  # fmt: skip


def _say(said: dict[str, Any], as_json: bool, words: str) -> None:
    from picture.text import visible

    if as_json:
        give(said)
    else:
        typer.echo(visible(words))
