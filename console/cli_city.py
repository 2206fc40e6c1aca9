"""The city commands: OpenStreetMap extracts imported as city packs, and packs described and found by name."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picture.errors import UsageError

if TYPE_CHECKING:
    from console.config import Home

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def city_import(
    file: Annotated[Path, typer.Argument(help="An OpenStreetMap extract: .osm.pbf, .osm, .osm.gz or .osm.bz2.")],
    elevation: Annotated[Path | None, typer.Option(help="Heights: a GeoTIFF or an ASC grid.")] = None,
    name: Annotated[str, typer.Option(help="What the city is called; the file's name by default.")] = "",
    out: Annotated[Path | None, typer.Option(help="The folder for its pack; home/cities by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a city pack of an OpenStreetMap extract, and the file in which its facilities can be edited."""
    from console.config import Home
    from twin.network import RoadNetwork
    from twin.osm import import_osm
    from twin.pack import CityPack
    from twin.routing import keep_order

    home = Home.find()
    stem = name or re.sub(r"\.(osm|pbf|xml|gz|bz2)\b", "", file.name)
    letters = unicodedata.normalize("NFKD", stem.casefold()).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9._-]+", "-", letters).strip("-.")
    if not _NAME.fullmatch(plain):
        raise UsageError(f"--name {name or file.name}: give a name with Latin letters or digits, 64 at most.")
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file.")
    target = (out if out is not None else home.root / "cities") / f"{plain}.pack"
    with bar() as tell:
        report = import_osm(file, target, elevation=elevation, name=name or None, progress=tell)
        tell("Ordering the roads", 0.99)
        keep_order(RoadNetwork(CityPack.open(target)), order_of(home, target))
        tell("Ready", 1.0)
    if as_json:
        give({"schema": "tocsin.city.import/1", **report.as_json()})
        return
    typer.echo(
        f"{report.path}: {report.nodes} crossings, {report.edges} roads, {report.turns} forbidden turns, "
        f"{report.facilities} facilities, {report.districts} districts"
    )
    typer.echo(f"Facilities to edit: {report.facilities_path}")
    typer.echo(f"Left out: {report.dropped_parts} parts not joined to the rest, {report.dropped_nodes} crossings")
    for note in report.notes:
        typer.echo(note)


def city_info(
    pack: Annotated[str, typer.Argument(help="A city pack, or the name of a shipped or imported city.")],
    as_json: AsJson = False,
) -> None:
    """Says what a city pack holds, where it comes from, and that every byte of it is as it was written."""
    from twin.network import RoadNetwork
    from twin.pack import CityPack
    from twin.reach.isochrone import edge_lengths_m

    found = CityPack.open(pack_path(pack))
    found.verify()
    network, meta = RoadNetwork(found), found.meta
    x_min, y_min, x_max, y_max = meta["bounds_xy"]
    corners = *found.to_lonlat(float(x_min), float(y_min)), *found.to_lonlat(float(x_max), float(y_max))
    turns = getattr(found, "turn_from", None)
    facts = {
        "schema": "tocsin.city.info/1",
        "name": meta["name"],
        "path": str(found.path),
        "sha256": found.checksum,
        "attribution": meta.get("attribution", ""),
        "bounds": [round(one, 7) for one in corners],
        "crossings": network.node_count,
        "arcs": len(found.arc_tail),
        "roads": len(found.edge_tail),
        "road_metres": round(float(edge_lengths_m(network).sum())),
        "streets": len(set(found.names) - {""}),
        "forbidden_turns": 0 if turns is None else len(turns),
        "districts": len(meta.get("districts", [])),
        "facilities": dict(sorted(Counter(str(one["kind"]) for one in meta.get("facilities", [])).items())),
        "dropped": meta.get("dropped"),
        "source": meta.get("source"),
    }
    if as_json:
        give(facts)
        return
    for key, value in facts.items():
        if value is not None and key != "schema":
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            typer.echo(f"{key:16} {', '.join(map(str, shown)) if isinstance(shown, list) else shown}")


def pack_path(city: str) -> Path:
    """The pack of that name or in that file; UsageError where there is none."""
    from console.config import Home
    from twin.source import CITIES, SUFFIX, ensure_pack

    if Path(city).is_file():
        return Path(city).resolve()
    home = Home.find()
    shipped = sorted(path.name.removesuffix(SUFFIX) for path in CITIES.glob(f"*{SUFFIX}"))
    if city in shipped:
        with bar() as tell:
            return ensure_pack(city, home.cache, tell)
    imported = home.root / "cities" / f"{city.casefold()}.pack"
    if _NAME.fullmatch(city) and imported.is_file():
        return imported
    raise UsageError(f"{city}: no pack there, and no city of that name. Shipped: {', '.join(shipped)}.")


def order_of(home: Home, pack: Path) -> Path:
    """Where the elimination order of a pack's roads is kept."""
    return home.cache / f"{pack.stem}.order.npy"


@contextmanager
def bar() -> Iterator[Any]:
    """``tell(words, share)``: a bar on stderr, where somebody looks at it; the words tell rate and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("", total=1.0, visible=False)  # where nothing takes time, no bar is left standing

        def tell(words: str, share: float) -> None:
            shown.update(task, description=words, completed=share, visible=True)

        yield tell


def give(data: Any) -> None:
    """Data, for pipes: one JSON object on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=None if not sys.stdout.isatty() else 2))
