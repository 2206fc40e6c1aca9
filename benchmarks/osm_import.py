"""Import of an OpenStreetMap extract: ours against OSMnx on the same extract, each in a process of its own.

Run ``python -m benchmarks.osm_import [EXTRACT …]``; without arguments the extracts beside the repository are used.
OSMnx (github.com/gboeing/osmnx) is measured where it is installed: ``graph_from_xml`` and
``largest_component``, which is what it needs to have a road graph. It reads XML alone, so the extract is converted
first, outside the clock. Ours has more to do in its time: ground, sites, map pyramid and the written pack.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXTRACTS = ROOT.parent / "shared" / "osm"

_MEASURE = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
begin = time.perf_counter()
{work}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({{"seconds": time.perf_counter() - begin, "cpu_s": used.ru_utime + used.ru_stime,
                  "peak_mb": used.ru_maxrss / 1024, "nodes": nodes, "arcs": arcs}}))
"""
_OURS = """
from twin.osm import import_osm
report = import_osm(Path(sys.argv[1]), Path(sys.argv[2]) / "city.pack", progress=lambda what, share: None)
nodes, arcs = report.nodes, report.arcs
"""
_OSMNX = """
import osmnx
graph = osmnx.truncate.largest_component(osmnx.graph_from_xml(sys.argv[1]), strongly=True)
nodes, arcs = graph.number_of_nodes(), graph.number_of_edges()
"""

Figures = dict[str, float]


def measure(work: str, source: Path, folder: Path, python: str = sys.executable) -> Figures:
    """Seconds, processor seconds, peak memory and size of the graph of one import in a fresh process."""
    found = subprocess.run(
        [python, "-c", _MEASURE.format(work=work), str(source), str(folder), str(ROOT)],
        check=True,
        capture_output=True,
        text=True,
    )
    figures: Figures = json.loads(found.stdout.splitlines()[-1])
    return figures


def as_xml(source: Path, folder: Path) -> Path:
    """The extract as .osm XML."""
    import osmium

    target = folder / "extract.osm"
    with osmium.SimpleWriter(str(target)) as writer:
        for thing in osmium.FileProcessor(str(source)):
            writer.add(thing)
    return target


def compare(source: Path, python: str) -> dict[str, Any]:
    """Prints and returns one extract's figures, and the ratios where a Python has OSMnx ("" for none)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = measure(_OURS, source, folder)
        _line(source, "tocsin", ours)
        found: dict[str, Any] = {"extract": source.name, "tocsin": ours}
        if not python:
            return found
        try:
            theirs = measure(_OSMNX, as_xml(source, folder), folder, python)
        except subprocess.CalledProcessError as error:
            why = (error.stderr.strip().splitlines() or ["it says nothing"])[-1]
            print(f"{source.name:28} osmnx    does not import it: {why}")
            return found | {"osmnx_failed": why}
    _line(source, "osmnx", theirs)
    ratios = {key: round(theirs[key] / ours[key], 2) for key in ("seconds", "cpu_s", "peak_mb")}
    print(
        f"{source.name:28} ratio    {ratios['seconds']:6.1f} ×  {ratios['cpu_s']:6.1f} × processor  "
        f"{ratios['peak_mb']:11.1f} × the memory"
    )
    return found | {"osmnx": theirs, "ratio": ratios}


def _line(source: Path, who: str, figures: Figures) -> None:
    print(
        f"{source.name:28} {who:8} {figures['seconds']:6.2f} s  {figures['cpu_s']:6.2f} s processor  "
        f"{figures['peak_mb']:6.0f} MB  {figures['nodes']:9,.0f} nodes  {figures['arcs']:9,.0f} arcs"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Import of OpenStreetMap extracts, against OSMnx where installed.")
    parser.add_argument("extracts", nargs="*", type=Path)
    parser.add_argument("--osmnx", metavar="PYTHON", default="", help="a Python that has OSMnx, if this one has not")
    parser.add_argument("--quick", action="store_true", help="only the smallest extract")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    chosen = parser.parse_args()
    python = chosen.osmnx or (sys.executable if find_spec("osmnx") else "")
    extracts = chosen.extracts or sorted(EXTRACTS.glob("*.osm.pbf"))
    if not extracts:
        print(f"no extract given, and none at {EXTRACTS.parent.name}/{EXTRACTS.name} beside the repository")
        return 1
    if not python:
        print("osmnx is not installed, so there is no ratio: `pip install osmnx`, or --osmnx PYTHON, adds it")
    if chosen.quick:
        extracts = [min(extracts, key=lambda one: one.stat().st_size)]
    found = [compare(source, python) for source in extracts]
    if chosen.json:
        result = {"schema": "tocsin.benchmark.osm_import/1", "imports": found}
        chosen.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
