"""The feed commands: which feeds there are and how they do, whether one can be heard, what the journal says of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from console.cli_city import AsJson, give
from picture.errors import CATALOGUE, UsageError

if TYPE_CHECKING:  # every command pays for what is imported here
    from feeds.config import FeedConfig

MISSED: Final = 1
STATES: Final = {
    "waiting": "has said nothing yet", "ok": "is heard", "fetch_failed": "cannot be fetched",
    "data_old": "sends old data", "malformed": "cannot be read", "silent": "is silent",
    "connecting": "is being connected to", "connected": "is connected, nothing came yet",
    "": "no core has run with it",
}  # fmt: skip
_KINDS: Final = frozenset({"feed.registered", "feed.changed", "report.received", "report.refused", "reports.counted"})

Where = Annotated[str, typer.Option(help="live, a sample incident, a scenario's folder, or a world's folder.")]
Name = Annotated[str, typer.Argument(metavar="FEED", help="The feed's id.")]


def register(app: typer.Typer) -> None:
    """Adds the feed commands to the command line."""
    feeds = typer.Typer(no_args_is_help=True, help="What a world hears.")
    for name, command in (
        ("list", list_), ("test", test), ("tail", tail), ("token", token), ("subscribe", subscribe),
    ):  # fmt: skip
        feeds.command(name)(command)
    app.add_typer(feeds, name="feed")


@dataclass(frozen=True, slots=True)
class Site:
    """Where feeds are configured, where their files lie, and the world's folder if there is one."""

    feeds: tuple[FeedConfig, ...]
    home: Path
    world: Path | None = None

    def feed(self, name: str) -> FeedConfig:
        """The feed of this id; ``UsageError`` TOC-1003 names those there are."""
        for one in self.feeds:
            if one.id == name:
                return one
        known = ", ".join(one.id for one in self.feeds) or "none"
        raise UsageError(f"There is no feed {name!a} configured; there are: {known}.", code="TOC-1003")


def site_of(where: str) -> Site:
    """What a world's name or folder leads to."""
    from console.config import Home
    from console.drill.scenario import load
    from console.starting import scenario_folder

    home = Home.find()
    if where == "live":
        if not home.toml.is_file():
            raise UsageError(f"There is no {home.toml}.", code="TOC-1014")
        return Site(home.config().feeds, home.root, home.live if (home.live / "journal").is_dir() else None)
    folder = Path(where)
    if (folder / "journal").is_dir():
        return Site((), folder, folder)
    found = scenario_folder(where)
    return Site(load(found).feeds, found)


def list_(world: Where = "live", as_json: AsJson = False) -> None:
    """Lists the feeds that are configured, with what the journal says of each."""
    from picture.text import visible

    site = site_of(world)
    rows = _rows(site)
    if as_json:
        give({"schema": "tocsin.feeds/1", "feeds": rows})
        return
    for row in rows:
        why = f": {row['why']}" if row["why"] else ""
        typer.echo(visible(f"{row['id']:20} {row['wire']:12} {row['by']:10} {STATES[row['state']]}{why}"))
    if not rows:
        typer.echo("There are no feeds.", err=True)


def _rows(site: Site) -> list[dict[str, Any]]:
    known = _told(site.world) if site.world is not None else {}
    rows = [
        {"id": one.id, "wire": one.wire, "title": one.title, "by": _by(one), **_state(known.pop(one.id, None))}
        for one in site.feeds
    ]
    rest = [
        {"id": one.id, "wire": one.wire, "title": "", "by": "", **_state(one)} for _, one in sorted(known.items())
    ]  # fmt: skip
    return rows + rest


def _by(feed: FeedConfig) -> str:
    if not feed.url:
        return "inbox"
    scheme = feed.url.partition("://")[0]
    return "poll" if scheme in ("http", "https") else scheme


def _state(known: Any) -> dict[str, Any]:
    if known is None:
        return {"state": "", "why": "", "missing": 0}
    return {"state": known.state, "why": known.why, "missing": known.missing}


def _told(world: Path) -> dict[str, Any]:
    """The feeds on a journal's picture, by what it says of them alone."""
    from console.journals import reading
    from picture.fold import Picture

    with reading(world / "journal") as reader:
        picture = Picture(reader.stream)
        for entry in reader.read(kinds=frozenset({"feed.registered", "feed.changed"})):
            picture.home.seq = entry.seq - 1  # what was passed over says nothing of a feed's state
            picture.apply(entry)
        found = dict(picture.home.feeds)
        quiet = {name for name, one in found.items() if one.state == "waiting"}
        if quiet:
            heard = {row.source for row in reader.rows() if row.kind == "report.received"}
        return {name: _Told.of(one, name in quiet and name in heard) for name, one in found.items()}


@dataclass(frozen=True, slots=True)
class _Told:
    id: str
    wire: str
    state: str
    why: str
    missing: int

    @classmethod
    def of(cls, feed: Any, heard: bool) -> _Told:
        return cls(feed.id, feed.wire, "ok" if heard else feed.state, feed.why, feed.missing)


def test(
    name: Name,
    world: Where = "live",
    wait: Annotated[float, typer.Option(help="A connection: how long to wait for something to come, seconds.")] = 15.0,
    file: Annotated[Path | None, typer.Option(help="Read this file instead, as if the feed had delivered it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetches or connects once and says what came, or why nothing did; writes no journal. Exit 1 where it failed."""
    from console.feed_trial import read
    from feeds.intake import Intake
    from feeds.registry import installed
    from picture.text import visible

    site = site_of(world)
    feed = site.feed(name)
    intake = Intake(feed, installed(), site.home)
    now_ms = time.time_ns() // 1_000_000
    trial = read(feed, intake, file.read_bytes(), now_ms) if file is not None else _tried(site, feed, intake, wait)
    if as_json:
        said = {"heard": trial.heard, "messages": trial.accepted, "reports": trial.reports, "refused": trial.refused}
        give({"schema": "tocsin.feed-test/1", "feed": name, **said, "said": trial.lines})
    else:
        typer.echo("\n".join(map(visible, trial.lines)))
    if not trial.heard:
        raise typer.Exit(MISSED)


def _tried(site: Site, feed: FeedConfig, intake: Any, wait_s: float) -> Any:
    from console.feed_trial import Trial, connect, fetch
    from feeds.streams import is_stream

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    if not feed.url:
        secret = f"its secret is {feed.secret}" if feed.secret else "its secret is made when its world is"
        said = f"It is not fetched: its sender posts it to the inbox, at /inbox/{feed.id}; {secret}. Try --file."
        return Trial([said])
    if is_stream(feed.url):
        return asyncio.run(connect(feed, intake, _source(site, feed, intake), wait_s, now_ms))
    return asyncio.run(fetch(feed, intake, now_ms))


def _source(site: Site, feed: FeedConfig, intake: Any) -> Any:
    """The feed's connection under a name of its own, so that the running core's is not pushed out."""
    from random import Random

    from console.streaming import source_of, tls_of
    from feeds.registry import installed
    from feeds.streams import Spec, address_of

    address = address_of(feed.url)
    spec = Spec(
        feed=feed.id,
        address=address,
        config=feed.stream,
        max_bytes=intake.max_bytes,
        rng=Random(),
        client_id=f"{feed.stream.client_id or f'tocsin.{feed.id}'}.test",
        password=_password(site, feed.stream.password),
        tls=tls_of(feed, lambda name: site.home / name) if address.scheme in ("tls", "mqtts") else None,
    )
    return source_of(feed, spec, installed())


def _password(site: Site, reference: str) -> str:
    from console.config import Home
    from console.credentials import Vault
    from feeds.config import resolve_secret

    if not reference:
        return ""
    kind, _, name = reference.partition(":")
    if kind == "credential":
        return Vault(Home.find().live, "live").stored(name)
    return resolve_secret(reference, os.environ, site.home, at_least=1).decode("utf-8")


def tail(
    name: Annotated[str, typer.Argument(metavar="[FEED]", help="Only this feed.")] = "",
    world: Where = "live",
    lines: Annotated[int, typer.Option(help="How many of the latest lines to begin with.")] = 20,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on as more is journalled.")] = True,
) -> None:
    """Says what the journal holds of feeds: reports heard, refusals, states; goes on until it is interrupted."""
    from picture.text import visible

    site = site_of(world)
    if site.world is None:
        raise UsageError(f"{world}: no core has run there, so there is no journal.", code="TOC-1012")
    try:
        for line in told(site.world, name, lines, follow):
            typer.echo(visible(line))
    except KeyboardInterrupt:
        return


def told(world: Path, name: str, lines: int, follow: bool, pause_s: float = 0.5) -> Iterator[str]:
    """A line for each entry of a feed (of all, if ``name`` is empty): the latest ``lines``, then what comes."""
    from collections import deque

    from console.journals import reading

    with reading(world / "journal") as reader:
        seen, latest = 0, deque[str](maxlen=max(lines, 0))
        for row in reader.rows():
            seen = row.seq
            if _is_of(row, name):
                latest.append(_line(row))
        yield from latest
        while follow:
            for row in reader.rows(seen):
                seen = row.seq
                if _is_of(row, name):
                    yield _line(row)
            time.sleep(pause_s)


def _is_of(row: Any, name: str) -> bool:
    if row.kind not in _KINDS:
        return False
    return not name or row.source == name or (row.kind.startswith("feed.") and _event(row).get("id") == name)


def _event(row: Any) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(row.payload)
    return found


def _line(row: Any) -> str:
    from picture.clock import rfc3339

    event = _event(row)
    head = f"{row.seq:>6}  {rfc3339(row.at_ms)}  {row.source or event.get('id', ''):16}"
    if row.kind == "feed.changed":
        words = f"{STATES.get(event['state'], event['state'])}{': ' + event['why'] if event.get('why') else ''}"
    elif row.kind == "feed.registered":
        words = f"was configured, wire {event['wire']}"
    elif row.kind == "report.refused":
        times = f" ({event['repeats']} times)" if event.get("repeats", 1) > 1 else ""
        words = f"refused {event['code']}{times}: {CATALOGUE.get(event['code'], ('',))[0]}"
    elif row.kind == "reports.counted":
        words = "over its quota, counted"
    else:
        report = event["report"]
        words = f"{report['report']}, {event.get('size', 0)} bytes, sha256 {event.get('sha256', '')[:12]}"
    return f"{head}  {words}"


def token(name: Name, world: Where = "live") -> None:
    """Prints what the sender of a feed with auth = "token" shows to the inbox. It is a secret."""
    from feeds.signing import token as made

    site = site_of(world)
    feed = site.feed(name)
    if feed.auth != "token":
        raise UsageError(f'feed {name}: its configuration says auth = "{feed.auth}", not "token".', code="TOC-1003")
    typer.echo(made(_secret(site, feed)))


def _secret(site: Site, feed: FeedConfig) -> bytes:
    from feeds.config import resolve_secret

    if feed.secret:
        return resolve_secret(feed.secret, os.environ, site.home)
    path = site.world / "secrets" / f"{feed.id}.secret" if site.world is not None else None
    if path is None or not path.is_file():
        raise UsageError(f"feed {feed.id}: its secret is made when its core first runs.", code="TOC-1003")
    return path.read_bytes()


def subscribe(
    name: Name,
    broker: Annotated[str, typer.Option(help="The context broker's address.")],
    inbox: Annotated[str, typer.Option(help="Where the broker reaches our inbox; the feed's id is added.")] = "",
    kind: Annotated[list[str] | None, typer.Option("--type", help="An entity type (may be repeated).")] = None,
    tenant: Annotated[str, typer.Option(help="The broker's tenant.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Ends the subscription.")] = False,
    world: Where = "live",
) -> None:
    """Has a context broker (NGSI-LD) notify a feed; asked again it changes the subscription."""
    from feeds.ngsi.broker import subscription
    from feeds.signing import token as made

    site = site_of(world)
    feed = site.feed(name)
    if feed.wire != "ngsi" or feed.auth != "token":
        raise UsageError(f'feed {name}: only wire = "ngsi" with auth = "token" can be subscribed.', code="TOC-1003")
    if not off and not (inbox and kind):
        raise UsageError("Give --inbox and at least one --type, or --off.")
    endpoint = f"{inbox.rstrip('/')}/{feed.id}"
    document = subscription(feed.id, kind or (), endpoint, "" if off else made(_secret(site, feed)))
    typer.echo(asyncio.run(_subscribed(broker, tenant, document, off)))


async def _subscribed(url: str, tenant: str, document: dict[str, Any], off: bool) -> str:
    import httpx

    from feeds.ngsi.broker import Broker

    async with httpx.AsyncClient(trust_env=False) as client:
        far = Broker(client, url, tenant=tenant)
        if off:
            ended = await far.unsubscribe(document["id"])
            return f"{document['id']}: {'ended' if ended else 'there was none'}"
        return f"{document['id']}: {await far.subscribe(document)}"
