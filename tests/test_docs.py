"""What the documentation tells people to type exists, and what exists is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#]+)")


def said_commands() -> Iterator[tuple[str, list[str]]]:
    """Each ``tocsin …`` in code on a page, as (page, words after the name)."""
    for page in PAGES:
        for block, span in CODE.findall(page.read_text(encoding="utf-8")):
            for line in (block or span).splitlines():
                for said in re.findall(r"(?:^|[\s/])tocsin((?: +[^\s&|;#]+)+)", line):
                    yield str(page.relative_to(ROOT)), said.split()


def command_tree() -> object:
    """The command line as click sees it, from typer's registered commands."""
    if not (ROOT / "console" / "cli.py").exists():
        pytest.skip("console/cli.py does not exist yet")
    import typer

    import console.cli

    apps = [value for value in vars(console.cli).values() if isinstance(value, typer.Typer)]
    named = getattr(console.cli, "app", None) or apps[0]
    return typer.main.get_command(named)


def wrong_words(root: object, words: list[str]) -> list[str]:
    """The command words and options of one documented line that the command line does not know."""
    here, wrong = root, []
    for word in words:
        commands = getattr(here, "commands", None)
        if word.startswith("-"):
            flags = {flag for param in here.params for flag in (*param.opts, *param.secondary_opts)}  # type: ignore[attr-defined]
            if word.split("=")[0] not in flags | {"--help"}:
                wrong.append(word)
        elif commands is not None:
            if word not in commands:
                return [*wrong, word]
            here = commands[word]
    return wrong


def all_commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something itself and is not hidden."""
    for name, child in getattr(command, "commands", {}).items():
        if child.hidden:
            continue
        if getattr(child, "commands", None):
            yield from all_commands(child, (*path, name))
        else:
            yield (*path, name)


def test_the_pages_name_the_commands_people_need_first() -> None:
    assert {words[0] for _, words in said_commands()} >= {"drill", "list", "journal", "doctor"}


def test_every_documented_command_exists() -> None:
    root = command_tree()
    wrong = [f"{page}: tocsin {' '.join(words)}" for page, words in said_commands() if wrong_words(root, words)]
    assert wrong == []


def test_every_command_is_documented() -> None:
    root = command_tree()
    said = [words for _, words in said_commands()]
    missing = [" ".join(path) for path in all_commands(root) if not any(tuple(w[: len(path)]) == path for w in said)]
    assert missing == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_on_the_map() -> None:
    index = ROOT / "docs" / "index.md"
    mapped = {(index.parent / target).resolve() for target in LINK.findall(index.read_text(encoding="utf-8"))}
    pages = {page.resolve() for page in PAGES if page.name not in {"README.md", "index.md"}}
    assert sorted(str(page.relative_to(ROOT)) for page in pages - mapped) == []
