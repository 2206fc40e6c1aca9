"""The command line. stdout is data, stderr is talk; exits: 0 fine, 1 missed, 2 usage, 3 refused, 4 a fault of ours."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer

from console import cli_city, cli_feed, cli_journal, cli_roads, cli_user, cli_world
from console.house import check_house
from picture.errors import InputError, InternalError, TocsinError, UsageError

MISSED, USAGE, REFUSED, OURS = 1, 2, 3, 4

app = typer.Typer(
    name="tocsin",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Tocsin: a control-room console for disaster response across agencies.",
)
journal_app = typer.Typer(no_args_is_help=True, help="Read, check, carry and keep journals.")
playbook_app = typer.Typer(no_args_is_help=True, help="Check playbooks.")
city_app = typer.Typer(no_args_is_help=True, help="The cities that drills play in.")
app.add_typer(journal_app, name="journal")
app.add_typer(playbook_app, name="playbook")
app.add_typer(city_app, name="city")
cli_journal.register(journal_app)
cli_roads.register(app, city_app)
cli_world.register(app)
cli_user.register(app)
cli_feed.register(app)


def say(words: str) -> None:
    """Talk, for people: stderr."""
    typer.echo(words, err=True)


def give(data: Any) -> None:
    """Data, for pipes: one JSON object on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=None if not sys.stdout.isatty() else 2))


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed <= 1000:
        raise UsageError(f"--speed {text}: give a number above 0 (at most 1000), or max.")
    return speed


@app.command()
def drill(
    name: Annotated[
        str, typer.Argument(help="A sample incident (see `tocsin list`) or a scenario folder.")
    ] = "storm-surge",
    speed: Annotated[str, typer.Option(help="Virtual seconds a second, or max. In the console 1, headless max.")] = "",
    headless: Annotated[bool, typer.Option("--headless", help="Run without the console, people simulated.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another seed than the scenario's.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the drill keeps its journal, keys and received alerts.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object; implies --headless.")
    ] = False,
    person: Annotated[str, typer.Option(help="Who plays; the log-in name by default.")] = "",
    position: Annotated[str, typer.Option(help="The position they hold; duty_officer by default.")] = "",
) -> None:
    """Runs a drill: in the console, or headless where stdout is no terminal. Exit 1 when an expectation is missed."""
    from console.config import Home
    from console.drill.scenario import load
    from console.starting import fresh_folder, scenario_folder

    pace = _speed(speed) if speed else None
    home = Home.find()
    source = scenario_folder(name)
    pack = cli_city.pack_path(load(source).city)
    folder = _folder_of(out) if out else fresh_folder(home, source.name)
    order = cli_city.order_of(home, pack)
    if headless or as_json or not sys.stdout.isatty():
        _headless(source, folder, pack, order, seed, 0.0 if pace is None else pace, as_json)
    else:
        config = home.config()
        _console(
            source,
            folder,
            pack,
            order,
            seed,
            1.0 if pace is None else pace,
            person or config.person,
            position or config.position,
            config.theme,
        )


def _folder_of(out: Path) -> Path:
    if (out / "journal").exists():
        raise UsageError(f"{out} holds a drill already; give an empty folder.")
    out.mkdir(parents=True, exist_ok=True)
    return out.resolve()


def _headless(
    source: Path, folder: Path, pack: Path, order: Path, seed: int | None, speed: float, as_json: bool
) -> None:
    from console.credentials import in_environment, refuse_other_worlds
    from console.drill.headless import run
    from console.drill.summary import in_words
    from console.starting import keep_allowed_environment

    refuse_other_worlds("drill", in_environment(os.environ))
    keep_allowed_environment()
    result = run(source, folder, pack, order, seed=seed, speed=speed, quiet=not sys.stderr.isatty())
    if as_json:
        give(result)
    else:
        typer.echo("\n".join(in_words(result)))
    if result["expected"]["missed"]:
        raise typer.Exit(MISSED)


def _console(
    source: Path,
    folder: Path,
    pack: Path,
    order: Path,
    seed: int | None,
    speed: float,
    person: str,
    position: str,
    theme: Any,
) -> None:
    from console.drill.process import Run
    from console.drill.scenario import load
    from console.starting import start_core

    scenario = load(source)
    run = Run(
        scenario=source,
        pack=pack,
        order=order,
        seed=scenario.seed if seed is None else seed,
        speed=speed or 1000.0,
        person=person,
        position=position,
    )
    (folder / "run.json").write_text(run.model_dump_json(), encoding="utf-8")
    cli_world.open_console(folder, pack, person, position, theme, why_ended=start_core(folder))


@app.command("list")
def list_scenarios(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Lists the sample incidents, and the drills that are running."""
    from console.config import Home
    from console.drill.scenario import load
    from console.starting import running, scenarios

    found = [(name, load(folder)) for name, folder in scenarios().items()]
    active = [str(folder) for folder in running(Home.find())]
    if as_json:
        give(
            {
                "schema": "tocsin.list/1",
                "running": active,
                "scenarios": [
                    {"name": name, "title": one.title, "minutes": one.minutes, "city": one.city, "summary": one.summary}
                    for name, one in found
                ],
            }
        )
        return
    for name, one in found:
        typer.echo(f"{name:20} {one.title} ({one.minutes:.0f} min, {one.city})")
    for folder in active:
        typer.echo(f"{'running':20} {folder}")


@playbook_app.command("lint")
def playbook_lint(
    path: Annotated[Path, typer.Argument(help="A playbook, or a folder of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Checks playbooks: unknown keys, steps, verbs, conditions; line, column, suggestion. Exit 3 on a problem."""
    from playbooks.lint import lint

    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise UsageError(f"{path}: no playbook there.")
    found = [(file, problem) for file in files for problem in lint(file)]
    if as_json:
        give(
            {
                "schema": "tocsin.lint/1",
                "checked": len(files),
                "problems": [
                    {
                        "file": file.name,
                        "line": p.line,
                        "column": p.column,
                        "code": p.code,
                        "message": p.message,
                        "suggestion": p.suggestion,
                    }
                    for file, p in found
                ],
            }
        )
    else:
        for file, p in found:
            hint = f" {p.suggestion}" if p.suggestion else ""
            typer.echo(f"{file}:{p.line}:{p.column}: {p.code} {p.message}{hint}")
        say(f"{len(files)} playbooks, {len(found)} problems.")
    if found:
        raise typer.Exit(REFUSED)


@city_app.command("generate")
def city_generate(
    out: Annotated[Path, typer.Option(help="The folder that the city's source file is written to.")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Writes Port Meridian's source data: the same bytes each time."""
    from twin.city import generate

    report = generate(out, _generating)
    if as_json:
        give(
            {
                "schema": "tocsin.city/1",
                "path": str(report.path),
                "sha256": report.sha256,
                "bytes": report.bytes,
                "counts": report.counts,
            }
        )
    else:
        counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
        typer.echo(f"{report.path}: {report.bytes / 1024:.0f} kB, {counts}\nsha256 {report.sha256}")


def _generating(what: str, share: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{share:4.0%} {what:40}" + ("\n" if share >= 1 else ""))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Explains every missing part, file, port and permission in plain words. Exit 3 where something is missing."""
    from console.config import Home
    from console.doctor import examine

    findings = list(examine(Home.find()))
    if as_json:
        give(
            {
                "schema": "tocsin.doctor/1",
                "findings": [
                    {"what": one.what, "ok": one.ok, "says": one.says, "remedy": one.remedy} for one in findings
                ],
            }
        )
    else:
        for one in findings:
            typer.echo(f"{'ok     ' if one.ok else 'MISSING'} {one.what:18} {one.says}")
            if one.remedy:
                typer.echo(f"{'':8}{'':18} {one.remedy}")
    if not all(one.ok for one in findings):
        raise typer.Exit(REFUSED)


def exit_code(error: TocsinError) -> int:
    """The exit code of a refusal, by its family."""
    if isinstance(error, (UsageError, InputError)):
        return USAGE
    return OURS if isinstance(error, InternalError) else REFUSED


def main() -> None:
    """``tocsin``: runs a command; an error is one JSON object on stderr."""
    try:
        check_house()
        app()
    except TocsinError as error:
        say(json.dumps(error.as_json(), ensure_ascii=False))
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        refused = UsageError(f"{error.filename or 'It'}: {error.strerror or error}.", code="TOC-1006")
        say(json.dumps(refused.as_json(), ensure_ascii=False))
        sys.exit(exit_code(refused))
    except Exception as fault:  # the boundary to a person: a fault of ours has a code and an exit status too
        traceback.print_exc()
        say(json.dumps(InternalError(type(fault).__name__).as_json()))
        sys.exit(OURS)


if __name__ == "__main__":
    main()
