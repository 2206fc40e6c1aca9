"""The house stands as drawn: rooms, names, imports, pins and pages."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

from console.house import PACKAGES, check_house
from picture.errors import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
BELOW_CONSOLE = tuple(name for name in PACKAGES if name != "console")
GRAB_BAG = re.compile(r"(utils?|helpers?|common|misc|manager|base_.+)$")


def sources(*rooms: str) -> Iterator[Path]:
    """The Python files of rooms given as dotted names (packages or modules)."""
    for room in rooms:
        path = ROOT.joinpath(*room.split("."))
        if path.is_dir():
            yield from sorted(path.rglob("*.py"))
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it; ``from a import b`` counts as both ``a`` and ``a.b``."""
    found: set[str] = set()
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            head = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*head, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python(code: str, *, path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh interpreter that sees ``path`` first."""
    search = os.pathsep.join([str(path), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=path,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )


# -- rooms and names


def test_the_six_packages_stand_side_by_side() -> None:
    assert check_house() == ROOT
    assert all((ROOT / name / "__init__.py").is_file() for name in PACKAGES)


def test_a_package_that_shadows_ours_stops_the_start_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "__init__.py").write_text("raise RuntimeError('a stranger was imported')")
    ran = python("from console.house import check_house; check_house()", path=tmp_path)
    assert ran.returncode == 1
    assert "TOC-1001" in ran.stderr and f"feeds: {tmp_path}" in ran.stderr
    assert "a stranger was imported" not in ran.stderr


def test_a_package_without_init_stops_the_start(tmp_path: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "twin" / "__init__.py").unlink()
    code = f"import sys; sys.path[:] = [{str(tmp_path)!r}] + [p for p in sys.path if p != {str(ROOT)!r}]\n"
    code += "from console.house import check_house; check_house()"
    ran = python(code, path=tmp_path)
    assert "TOC-1001" in ran.stderr and "twin: " in ran.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_what_it_owns(package: str) -> None:
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)


def test_no_module_is_a_grab_bag_or_longer_than_600_lines() -> None:
    bags = [module_name(path) for path in sources(*PACKAGES) if GRAB_BAG.match(path.stem)]
    long = [
        module_name(path) for path in sources(*PACKAGES) if len(path.read_text(encoding="utf-8").splitlines()) > 600
    ]
    assert (bags, long) == ([], [])


# -- imports


@pytest.mark.parametrize("room", ["console.core", "console.web", "console.link"])
def test_the_headless_half_never_imports_the_screens(room: str) -> None:
    if not list(sources(room)):
        pytest.skip(f"{room} does not exist yet")
    guilty = {
        module_name(path): sorted(m for m in imported(path) if within(m, "console.tui") or within(m, "textual"))
        for path in sources(room)
    }
    assert {name: hits for name, hits in guilty.items() if hits} == {}


def test_the_screens_import_only_the_pack_of_the_twin() -> None:
    paths = list(sources("console.tui"))
    if not paths:
        pytest.skip("console.tui does not exist yet")
    strays = {
        module_name(path): sorted(
            m for m in imported(path) if within(m, "twin") and m != "twin" and not within(m, "twin.pack")
        )
        for path in paths
    }
    assert {name: hits for name, hits in strays.items() if hits} == {}


@pytest.mark.parametrize("room", [*BELOW_CONSOLE, "console.core", "console.web", "console.link"])
def test_importing_everything_in_a_headless_room_loads_no_textual(room: str) -> None:
    modules = [module_name(path) for path in sources(room) if path.stem != "__main__"]
    if not modules:
        pytest.skip(f"{room} does not exist yet")
    lines = [
        "import importlib, sys",
        f"for name in {modules!r}: importlib.import_module(name)",
        "strays = [m for m in sys.modules if m.split('.')[0] == 'textual' or m.startswith('console.tui')]",
        "sys.exit(' '.join(strays) or 0)",
    ]
    ran = python("\n".join(lines))
    assert ran.returncode == 0, ran.stderr


def test_every_third_party_import_is_a_declared_dependency() -> None:
    declared = _declared() | _of_extras()
    owners = packages_distributions()
    undeclared: dict[str, set[str]] = {}
    for path in sources(*PACKAGES):
        for top in {module.split(".")[0] for module in imported(path)} - set(PACKAGES):
            if top in sys.stdlib_module_names or top == "":
                continue
            if not declared & {_canonical(owner) for owner in owners.get(top, [top])}:
                undeclared.setdefault(top, set()).add(module_name(path))
    # starlette and pydantic_core are faces of fastapi and pydantic, which pin them
    assert {top: names for top, names in undeclared.items() if top not in {"starlette", "pydantic_core"}} == {}


# -- dependencies and pins


def _declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(map(_named, project["dependencies"]))


def _of_extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return {_named(line) for name, lines in extras.items() if name != "test" for line in lines}


def _named(line: str) -> str:
    return _canonical(re.split(r"[<>=\[~! ]", line, maxsplit=1)[0])


def test_only_the_journal_on_nats_needs_what_its_extra_brings() -> None:
    needing = {module_name(path) for path in sources(*PACKAGES) if imported(path) & {"nats", "nkeys"}}
    assert needing
    assert all(within(module, "picture.journal.nats") for module in needing)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = script("sbom").pins((ROOT / name).read_text(encoding="utf-8"))
    return found


def test_each_dependency_line_says_why_it_is_there() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if re.match(r'\s+"[a-z0-9.-]+[><=]', line)]
    assert len(lines) > 20
    assert [line for line in lines if not re.search(r"#\s*\S", line)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_carries_a_hash_and_no_address(name: str) -> None:
    pins = _pins(name)
    assert _declared() <= {pin["name"] for pin in pins}
    assert [pin["name"] for pin in pins if not pin["hashes"]] == []
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-(i|f|-index|-extra|-find)", text, re.MULTILINE)


def test_both_requirement_files_hold_the_same_pins_of_what_runs() -> None:
    run = {(pin["name"], pin["version"], pin["marker"]) for pin in _pins("requirements.txt")}
    names = {name for name, _, _ in run}
    dev = {(pin["name"], pin["version"]) for pin in _pins("requirements-dev.txt") if pin["name"] in names}
    assert {(name, version) for name, version, _ in run} == dev


def test_the_bill_of_materials_is_the_pins() -> None:
    bom = json.loads((ROOT / "sbom.json").read_text(encoding="utf-8"))
    listed = {
        (entry["name"], entry["version"], tuple(digest["content"] for digest in entry["hashes"]))
        for entry in bom["components"]
    }
    pinned = {
        (pin["name"], pin["version"], tuple(sorted(pin["hashes"])))  # type: ignore[call-overload]
        for pin in _pins("requirements.txt")
    }
    assert listed == pinned
    assert (ROOT / "sbom.json").read_text(encoding="utf-8") == script("sbom").render()


# -- tree and pages


def test_the_tree_check_finds_planted_hosts_and_paths() -> None:
    check = script("check_tree")
    planted = "see https://" + "pypi" + ".org/simple\ncache = '/" + "home/alice/x'\nhttps://example.net/home/page\n"
    assert list(check.text_findings("a", planted)) == [
        "a:1: registry host " + "pypi" + ".org",
        "a:2: machine path /" + "home/alice",
    ]


def test_no_tracked_file_names_a_registry_or_a_machine_and_data_stays_small() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says which files are committed")
    assert script("check_tree").findings(ROOT) == []


def test_every_code_in_the_sources_is_in_the_catalogue() -> None:
    used = {
        (code, module_name(path))
        for path in sources(*PACKAGES)
        for code in re.findall(r"TOC-\d{4}", path.read_text(encoding="utf-8"))
    }
    assert sorted(pair for pair in used if pair[0] not in CATALOGUE) == []


def test_every_code_in_the_catalogue_belongs_to_a_family() -> None:
    families = script("error_pages").families()
    assert sorted(code for code in CATALOGUE if not re.fullmatch(rf"TOC-[{''.join(families)}]\d{{3}}", code)) == []


def test_the_error_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == script("error_pages").page()
