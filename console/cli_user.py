"""The user commands: who may log in to a world. Through its running core for an administrator, else at rest."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from console.cli_city import AsJson, give
from console.commands import ChangeUser
from picture.errors import UsageError

Name = Annotated[str, typer.Argument(help="The user's name, as it stands in every entry of theirs.")]
World = Annotated[str, typer.Option(help="live, or the folder of a live world.")]
Admin = Annotated[str, typer.Option("--as", help="Who asks, where the core runs: a supervisor who administers users.")]
Post = Annotated[str, typer.Option(help="The position the administrator holds.")]


def register(app: typer.Typer) -> None:
    """Adds the user commands to the command line."""
    users = typer.Typer(no_args_is_help=True, help="Who may log in to a world.")
    for name, command in (
        ("add", add), ("list", list_), ("close", close), ("token", token), ("totp", totp), ("key", key),
    ):  # fmt: skip
        users.command(name)(command)
    app.add_typer(users, name="user")


def add(
    name: Name,
    agency: Annotated[str, typer.Option(help="The agency they belong to.")],
    role: Annotated[str, typer.Option(help="observer, operator or supervisor.")],
    position: Annotated[list[str], typer.Option(help="A position they hold (may be repeated).")],
    admin: Annotated[bool, typer.Option("--admin", help="Administers users; supervisors only.")] = False,
    days: Annotated[int, typer.Option(help="How long the token is good for.")] = 180,
    world: World = "live",
    by: Admin = "",
    post: Post = "",
    as_json: AsJson = False,
) -> None:
    """Adds a user; prints their token and second factor once."""
    command = ChangeUser(
        action="add", name=name, agency=agency, role=role, positions=tuple(position), admin=admin, days=days
    )
    _change(command, world, by, post, as_json)


def list_(world: World = "live", as_json: AsJson = False) -> None:
    """Lists the users of a world; no secret is shown, and none is read."""
    from console.journals import reading
    from picture.fold import Picture

    with reading(_folder(world) / "journal") as reader:
        picture = Picture(reader.stream)
        for entry in reader.read(kinds=frozenset({"user.changed"})):
            picture.home.seq = entry.seq - 1  # what was passed over says nothing of users
            picture.apply(entry)
    users = [one for _, one in sorted(picture.home.users.items())]
    if as_json:
        rows = [
            {
                "name": one.name, "agency": one.agency, "role": one.role, "positions": list(one.positions),
                "admin": one.admin, "active": one.active, "public_keys": list(one.public_keys),
            }
            for one in users
        ]  # fmt: skip
        give({"schema": "tocsin.users/1", "users": rows})
        return
    for one in users:
        marks = "".join([" admin" if one.admin else "", "" if one.active else " closed"])
        keys = f"{len(one.public_keys)} keys"
        typer.echo(f"{one.name:24} {one.agency:8} {one.role:12} {', '.join(one.positions)} ({keys}{marks})")


def close(name: Name, world: World = "live", by: Admin = "", post: Post = "", as_json: AsJson = False) -> None:
    """Closes a user: their token, second factor and sessions end at once; what they did stays theirs."""
    _change(ChangeUser(action="close", name=name), world, by, post, as_json)


def token(
    name: Name,
    days: Annotated[int, typer.Option(help="How long it is good for.")] = 180,
    world: World = "live",
    by: Admin = "",
    post: Post = "",
    as_json: AsJson = False,
) -> None:
    """Issues a new token, printed once; the old one is void."""
    _change(ChangeUser(action="token", name=name, days=days), world, by, post, as_json)


def totp(name: Name, world: World = "live", by: Admin = "", post: Post = "", as_json: AsJson = False) -> None:
    """Issues a new second factor, printed once as an otpauth address; the old one is void."""
    _change(ChangeUser(action="totp", name=name), world, by, post, as_json)


def key(
    name: Name,
    public_key: Annotated[str, typer.Argument(help="64 hexadecimal digits, as the user's client shows them.")],
    world: World = "live",
    by: Admin = "",
    post: Post = "",
    as_json: AsJson = False,
) -> None:
    """Registers another client's key, so that decisions signed there count."""
    _change(ChangeUser(action="key", name=name, key=public_key), world, by, post, as_json)


def _folder(world: str) -> Path:
    from console.config import Home

    folder = Home.find().live if world == "live" else Path(world).resolve()
    if not (folder / "journal").is_dir():
        raise UsageError(f"{folder} has no journal yet.", code="TOC-1012")
    return folder


def _begin_if_new() -> None:
    """Begins the live world of a site that was only set up: its first user comes before its core's first run."""
    from console.cli_city import order_of, pack_path
    from console.config import Home
    from console.live import begin

    home = Home.find()
    if not (home.live / "journal").is_dir():
        pack = pack_path(home.config().city) if home.toml.is_file() else Path()
        begin(home, pack, order_of(home, pack))


def _change(command: ChangeUser, world: str, by: str, post: str, as_json: bool) -> None:
    from console.starting import listens

    if world == "live":
        _begin_if_new()
    folder = _folder(world)
    shown = asyncio.run(_through_core(folder, command, by, post)) if listens(folder) else _at_rest(folder, command)
    if as_json:
        give({"schema": "tocsin.user/1", "action": command.action, "name": command.name, **shown})
        return
    typer.echo(f"{command.name}: {command.action} done.")
    if "token" in shown:
        typer.echo(f"Token, shown once: {shown['token']}")
    if "otpauth" in shown:
        typer.echo(f"Second factor, for their authenticator, shown once: {shown['otpauth']}")


def _at_rest(folder: Path, command: ChangeUser) -> dict[str, Any]:
    """The change in a world whose core is stopped: whoever may write its keys needs no log-in."""
    from console.config import log_in_name
    from console.stopped import StoppedWorld
    from console.user_secrets import UserSecrets
    from console.users import changed
    from picture.clock import SystemClock
    from picture.entry import Actor

    with StoppedWorld(folder, Actor(log_in_name(), "", "at rest")) as world:
        if world.picture.world != "live":
            raise UsageError("Only a live world has users: whoever attaches to a drill or what-if may play.")
        event, shown = changed(command, world.picture, UserSecrets(world.keys, world.keyring, SystemClock().now_ms))
        world.record([event])
    return dict(shown)


async def _through_core(folder: Path, command: ChangeUser, by: str, post: str) -> dict[str, Any]:
    """The change by an administrator's log-in at the running core."""
    from console.config import Home
    from console.link import Link, person_key, socket_of

    if not by or not post:
        raise UsageError("The core is running: give --as NAME and --post POSITION, or stop it first.")
    secret = os.environ.get("TOCSIN_TOKEN") or typer.prompt("Token", hide_input=True, err=True)
    log_in, change = (typer.prompt(words, err=True) for words in ("Second factor", "The next second factor"))
    link = Link(socket_of(folder), by, post, person_key(Home.find().root, by), token=secret, totp=log_in, client="cli")
    came = asyncio.Event()
    running = asyncio.create_task(link.run(lambda _: came.set()))
    try:
        async with asyncio.timeout(20):
            while link.state not in ("live", "log_in"):
                await came.wait()
                came.clear()
        if link.state == "log_in":
            raise UsageError(link.why)
        answer = await link.command(command.model_copy(update={"totp": change}))
    except TimeoutError:
        raise UsageError("The core does not answer.", code="TOC-1005") from None
    finally:
        running.cancel()
        await asyncio.wait([running])
    return {name: value for name, value in answer.items() if name in ("token", "otpauth")}
