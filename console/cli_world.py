"""The commands about worlds: their cores, the console on them, forks of them, and the credentials sealed to each."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli_city import AsJson, give
from picture.errors import TocsinError, UsageError

if TYPE_CHECKING:
    from console.config import Home, SiteConfig
    from console.credentials import Vault, WorldName
    from console.gate import Gate
    from console.live import LiveWorld

world_app = typer.Typer(no_args_is_help=True, help="The worlds there are, and new ones out of their past.")
credential_app = typer.Typer(no_args_is_help=True, help="What a world's channels need to know, sealed to that world.")

AtHome = Annotated[Path | None, typer.Option("--home", help="The site's folder; TOCSIN_HOME by default.")]
OfWorld = Annotated[str, typer.Option("--world", help="live, or a drill's or what-if's folder under worlds/.")]
Person = Annotated[str, typer.Option(help="Who sits down; the log-in name by default.")]
Position = Annotated[str, typer.Option(help="The position they hold.")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands to the command line."""
    app.command("core")(core)
    app.command("init")(init)
    app.command("attach")(attach)
    app.callback(invoke_without_command=True)(console_or_help)
    world_app.command("list")(world_list)
    world_app.command("fork")(world_fork)
    for name, command in (("add", credential_add), ("seal", credential_seal), ("list", credential_list),
                          ("remove", credential_remove)):  # fmt: skip
        credential_app.command(name)(command)
    app.add_typer(world_app, name="world")
    app.add_typer(credential_app, name="credential")


def say(words: str) -> None:
    """Talk, for people: stderr."""
    typer.echo(words, err=True)


def _home(given: Path | None) -> Home:
    from console.config import Home

    return Home.at(given) if given is not None else Home.find()


# --- cores ------------------------------------------------------------------------------------------------


def core(
    folder: Annotated[Path | None, typer.Argument(help="The folder of a drill or what-if that was prepared.")] = None,
    world: Annotated[str, typer.Option(help="live: the site's own world.")] = "",
    home: AtHome = None,
) -> None:
    """Runs the core of a world, headless, until SIGTERM or Ctrl-C; a restart resumes where it stopped."""
    if folder is not None and not world:
        raise typer.Exit(_played(folder.resolve()))
    if world != "live" or folder is not None:
        raise UsageError("Give --world live, or the folder of a drill or what-if.")
    from console.cli_city import order_of, pack_path
    from console.live import serve

    site = _home(home)
    os.environ["TOCSIN_HOME"] = str(site.root)
    if not site.toml.is_file():
        raise UsageError(f"There is no {site.toml}.", code="TOC-1014")
    pack = pack_path(site.config().city)
    say(f"The live core of {site.config().site}, in {site.live}. Ctrl-C or SIGTERM stops it.")
    asyncio.run(serve(site, pack, order_of(site, pack), _gate_of, ready=lambda _world: None))


def _gate_of(world: LiveWorld) -> Gate:
    from console.user_secrets import UserSecrets
    from console.users import UserGate
    from picture.clock import SystemClock

    wall = SystemClock().now_ms
    secrets = UserSecrets(world.folder / "keys", world.keyring, wall)
    return UserGate(world.core, secrets, wall, onlookers=world.config.clients.onlookers)


def _played(folder: Path) -> int:
    import subprocess

    from console.starting import allowed_environment, listens, module_of

    if listens(folder):
        raise UsageError(f"A core of {folder.name} runs already; use `tocsin attach`.")
    # A process of its own: what this one was started with never reaches a drill's core.
    package = str(Path(__file__).resolve().parent.parent)
    environ = allowed_environment(os.environ) | {"PYTHONPATH": package}
    return subprocess.run([sys.executable, "-m", module_of(folder), str(folder)], env=environ, check=False).returncode


def init(
    home: AtHome = None,
    site: Annotated[str, typer.Option(help="The site's name.")] = "",
) -> None:
    """Writes a commented starter tocsin.toml into the site's folder; one that is there stays as it is."""
    from console.starter import STARTER

    place = _home(home)
    if place.toml.exists():
        raise UsageError(f"{place.toml} is there already.", code="TOC-1013")
    place.root.mkdir(parents=True, exist_ok=True)
    name = site or "Port Meridian EOC"
    if any(letter in name for letter in '"\\\n'):
        raise UsageError("--site: give a name without quotes and backslashes.")
    place.toml.write_text(STARTER.replace("SITE", name), encoding="utf-8")
    place.config()
    typer.echo(str(place.toml))
    say("Look through it, then:")
    say('  tocsin user add "YOUR NAME" --agency EOC --role supervisor --position duty_officer --admin')
    say("  tocsin core --world live        the site's core; leave it running")
    say("  tocsin attach --world live      the console, on this machine, as often as you like")


# --- the console ------------------------------------------------------------------------------------------


def console_or_help(context: typer.Context) -> None:
    """Tocsin: a control-room console for disaster response across agencies."""
    if context.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        typer.echo(context.get_help())
        raise typer.Exit(2)
    from console.config import Home
    from console.starting import listens, running

    home = Home.find()
    if listens(home.live) or (home.toml.exists() and not running(home)):
        attach(None, world="live")
    else:
        attach(None)


def attach(
    folder: Annotated[
        Path | None, typer.Argument(help="The world's folder; the newest running drill by default.")
    ] = None,
    person: Person = "",
    position: Position = "",
    world: Annotated[str, typer.Option(help="live: the site's own world, whose core must be running.")] = "",
) -> None:
    """Opens the console on a world whose core is running; a drill's or what-if's core is started if it is not."""
    from console.config import Home
    from console.starting import running

    home = Home.find()
    config = home.config()
    if world == "live" and folder is None:
        return attach_live(home, config, person or config.person, position or config.position)
    if world:
        raise UsageError("--world takes live, and then no folder.")
    found = [folder.resolve()] if folder else running(home)
    if not found:
        raise UsageError("No drill is running here.", code="TOC-1005")
    pack, post = _prepared(found[0])
    _start_if_needed(found[0])
    open_console(found[0], pack, person or config.person, position or post or config.position, config.theme)
    return None


def _prepared(folder: Path) -> tuple[Path, str]:
    """The pack and the position that a prepared folder names."""
    from console import forked
    from console.drill import process
    from console.starting import module_of

    run = forked.read_run(folder) if module_of(folder) == forked.__name__ else process.read_run(folder)
    return run.pack, run.position


def _start_if_needed(folder: Path) -> None:
    from console.starting import listens, start_core, wait_for_core

    if not listens(folder):
        start_core(folder)
        wait_for_core(folder)


def attach_live(home: Home, config: SiteConfig, person: str, position: str) -> None:
    """Opens the console on the live world; ``UsageError`` TOC-1011 where its core does not run."""
    from console.cli_city import pack_path
    from console.starting import listens

    if not listens(home.live):
        raise UsageError(f"{home.live} is not served by anybody.", code="TOC-1011")
    if config.positions and position not in config.positions:
        raise UsageError(f"{position} is no position of this site: {', '.join(config.positions)}.")
    token = "" if not sys.stdin.isatty() else typer.prompt("Token", default="", hide_input=True, show_default=False)
    totp = typer.prompt("Second factor, if you are asked for one", default="", show_default=False) if token else ""
    open_console(home.live, pack_path(config.city), person, position, config.theme, token=token, totp=totp)


def open_console(
    folder: Path,
    pack: Path,
    person: str,
    position: str,
    theme: Any,
    *,
    token: str = "",
    totp: str = "",
    why_ended: Callable[[], str] = str,
) -> None:
    """Runs the console on the core of a folder until its operator leaves it; ``why_ended`` as in ``Link``."""
    from console.config import Home
    from console.credentials import world_of
    from console.link import Link, person_key, socket_of
    from console.tui.app import run as run_console
    from picture.sealing import core_signing_key
    from twin.pack import CityPack

    # The same for this person while the world lasts, so that they may come back.
    live = world_of(folder) == "live"
    key = (
        person_key(Home.find().root, person) if live else core_signing_key(folder / "people" / person.replace("/", "_"))
    )
    link = Link(socket_of(folder), person, position, key, token=token, totp=totp, client="tui", why_ended=why_ended)
    run_console(link, CityPack.open(pack), theme=theme, lock_after_min=Home.find().config().lock_after_min)
    if not live:
        say(f"The {world_of(folder) or 'drill'} in {folder} goes on without you. Come back with `tocsin attach`.")


# --- worlds -----------------------------------------------------------------------------------------------


def world_list(as_json: AsJson = False, home: AtHome = None) -> None:
    """Lists the worlds of this home: which kind, how far their journal goes, whether a core runs."""
    from console.credentials import world_of
    from console.journals import reading
    from console.starting import listens, worlds
    from picture.clock import rfc3339

    rows: list[dict[str, Any]] = []
    for folder in worlds(_home(home)):
        row: dict[str, Any] = {"world": world_of(folder) or "drill", "name": folder.name, "folder": str(folder),
                               "running": listens(folder), "stream": "", "head": 0, "at": ""}  # fmt: skip
        try:
            with reading(folder / "journal") as reader:
                head = reader.head()
                newest = reader.entry(head.seq)
                row |= {"stream": head.stream, "head": head.seq, "at": rfc3339(newest.recorded_ms) if newest else ""}
        except TocsinError as error:
            row["why"] = error.message
        rows.append(row)
    if as_json:
        give({"schema": "tocsin.worlds/1", "worlds": rows})
        return
    for row in rows:
        core = "running" if row["running"] else ""
        typer.echo(f"{row['world']:7} {row['name']:24} {row['head']:>8}  {row['at']:24}  {core:8} {row.get('why', '')}")


def world_fork(
    parent: Annotated[str, typer.Argument(help="PARENT@CURSOR: a world by name or folder; now, a number or a time.")],
    kind: Annotated[str, typer.Option("--as", help="drill or whatif (what-if).")],
    name: Annotated[str, typer.Option(help="What the new world is called; made from the parent's by default.")] = "",
    as_json: AsJson = False,
    home: AtHome = None,
) -> None:
    """Makes a drill or what-if of a moment in another world's journal; the parent is only read, and may be running."""
    from console.forking import make

    world = {"drill": "drill", "whatif": "whatif", "what-if": "whatif"}.get(kind)
    if world is None:
        raise UsageError(f"--as {kind}: give drill or what-if.")
    made = make(_home(home), parent, "drill" if world == "drill" else "whatif", name)
    if as_json:
        give({"schema": "tocsin.fork/1", **made.as_json()})
        return
    left = ", ".join(f"{count} {what}" for what, count in made.forked.left_out)
    typer.echo(f"{made.folder}: {made.forked.carried} entries of {made.forked.parent} up to {made.forked.seq}")
    typer.echo(f"Left behind: {left or 'nothing'}")
    typer.echo(f"Open it with `tocsin attach {made.folder}`.")


# --- credentials ------------------------------------------------------------------------------------------


def _vault(world: str, home: Path | None) -> Vault:
    from console.credentials import Vault, world_of

    site = _home(home)
    if world == "live":
        return Vault(site.live, "live")
    folder = next((one for one in (site.drills / world, site.whatifs / world) if one.is_dir()), None)
    if folder is None:
        raise UsageError(f"--world {world}: give live, or the name of a drill or what-if.", code="TOC-1012")
    its: WorldName = "whatif" if world_of(folder) == "whatif" else "drill"
    return Vault(folder, its)


def _secret() -> str:
    """What is piped in, or typed unseen: a secret is never an argument, which every process may read."""
    import getpass

    secret = getpass.getpass("Secret (not shown): ") if sys.stdin.isatty() else sys.stdin.read()
    secret = secret.rstrip("\r\n")
    if not secret:
        raise UsageError("Nothing was given on stdin.", code="TOC-1010")
    return secret


Name = Annotated[str, typer.Argument(help="The credential's name, as channels give it.")]


def credential_add(name: Name, world: OfWorld = "live", home: AtHome = None) -> None:
    """Stores a secret, read from stdin or typed unseen, sealed to a world."""
    vault = _vault(world, home)
    vault.add(name, _secret())
    say(f"{name} is stored, sealed to the world {vault.world}, in {vault.path}.")


def credential_seal(name: Name, world: OfWorld = "live", home: AtHome = None) -> None:
    """Prints a secret's sealed text, for an environment variable or a file; it opens in this world alone."""
    typer.echo(_vault(world, home).seal(name, _secret()))


def credential_list(world: OfWorld = "live", as_json: AsJson = False, home: AtHome = None) -> None:
    """Lists the names of a world's credentials, never their values."""
    vault = _vault(world, home)
    if as_json:
        give({"schema": "tocsin.credentials/1", "world": vault.world, "credentials": list(vault.names())})
        return
    for one in vault.names():
        typer.echo(one)


def credential_remove(name: Name, world: OfWorld = "live", home: AtHome = None) -> None:
    """Removes a credential from a world."""
    if not _vault(world, home).remove(name):
        raise UsageError(f"There is no credential {name}.", code="TOC-1010")
