"""The map on the shipped city against plain drawing, in one run: ``python -m benchmarks.map``.

The baseline draws as image-in-terminal libraries do: every road segment of the city, no index and no levels
of detail, into a picture of two pixels a cell, then one half-block character with its own style per cell, all
of it on every tick. Prints a table, or writes JSON with ``--json FILE``. CPU times; only the ratios mean
something on another machine. Before anything is timed, the indexed drawing is compared with the same level
drawn whole; a difference ends with status 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from console.tui.map.camera import Camera
from console.tui.map.compose import compose_base, ends_in_dots
from console.tui.map.marks import Mark, MarkLayer, locate
from console.tui.map.painting import Overlay, Painting, changed
from console.tui.map.palette import colours, fill_index, ink_index
from console.tui.map.raster import draw_lines
from console.tui.map.scene import Scene
from console.tui.map.strips import Painter
from twin.pack import CityPack

SIZES = ((80, 24), (200, 60), (300, 90))
SCALES = (("city", 12), ("district", 7), ("streets", 3))
UNITS = 200


def cpu_ms(call: Callable[[], object], repeats: int) -> float:
    """Median CPU milliseconds of one call, the first one not counted."""
    call()
    times = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        times.append((time.process_time() - started) * 1000)
    return statistics.median(times)


def flooded(pack: CityPack, level_m: float) -> Scene:
    """The city with everything below a level under water and some roads closed."""
    scene = Scene(pack)
    scene.set_flood(np.maximum(level_m - pack.terrain, 0).astype(np.float32))
    scene.set_closed(list(range(0, len(pack.edge_class), 100)))
    return scene


def units(pack: CityPack, seed: int, camera: Camera) -> tuple[MarkLayer, MarkLayer]:
    """Moving units inside the view now, and a tenth of a second later at 15 m/s."""
    rng = np.random.default_rng(seed)
    x_min, y_min, x_max, y_max = camera.bounds
    xy = rng.uniform((x_min, y_min), (x_max, y_max), (UNITS, 2))
    kinds = ("fire", "ems", "police", "utility")
    marks = [Mark(f"U{k}", 0, 0, "unit", kinds[k % 4], moving=True) for k in range(UNITS)]
    heading = rng.uniform(0, 2 * np.pi, UNITS)
    return locate(marks, xy), locate(marks, xy + 1.5 * np.column_stack([np.sin(heading), np.cos(heading)]))


def whole_level_matches(scene: Scene, camera: Camera) -> bool:
    """Whether the indexed roads light the dots that all segments of the level light."""
    bare = Scene(scene.pack)
    bare.coast = np.zeros((0, 4))
    lit = compose_base(bare, camera).frame.chars >= 0x2800
    lod = scene.pack.lod(camera.level)
    dots = np.zeros((camera.rows * 4, camera.cols * 2), np.uint8)
    thick = lod.road_class <= (1 if camera.dot_m <= 4 else 0)
    ends = ends_in_dots(camera, lod.segments)
    draw_lines(dots, ends, 1, camera.dot_origin, thick=thick if camera.dot_m <= 8 else None)
    cells = dots.reshape(camera.rows, 4, camera.cols, 2).any(axis=(1, 3))
    return bool((lit == cells).all())


def plain_redraw(scene: Scene, camera: Camera, segments: np.ndarray[Any, Any]) -> list[Strip]:
    """The baseline: a picture of half blocks with every road of the city drawn into it."""
    table = np.array([[int(c[at : at + 2], 16) for at in (1, 3, 5)] for c in colours("dark")], np.uint8)
    left, top = camera.dot_origin
    xs = (left + np.arange(camera.cols, dtype=np.float64) * 2 + 1) * camera.dot_m
    ys = -(top + np.arange(camera.rows * 2, dtype=np.float64) * 2 + 1) * camera.dot_m
    fill = scene.ground.nearest(xs, ys, 5).astype(np.int64) * 16
    assert scene.flood is not None
    fill += (scene.flood.grid.smooth(xs, ys) > 0.3) * (fill_index(0, 2, 0) - fill_index(0, 0, 0)) * (fill != 16)
    picture = table[fill]
    dots = np.zeros((camera.rows * 2, camera.cols), np.uint8)
    draw_lines(dots, ends_in_dots(camera, segments) / 2, 1, (left // 2, top // 2))
    picture[dots > 0] = table[ink_index("primary")]
    strips = []
    for row in range(camera.rows):
        upper, lower = picture[2 * row].tolist(), picture[2 * row + 1].tolist()
        strips.append(Strip([
            Segment("▀", Style(color=Color.from_rgb(*one), bgcolor=Color.from_rgb(*two)))
            for one, two in zip(upper, lower, strict=True)
        ], camera.cols))  # fmt: skip
    return strips


def size_b(strips: list[Strip]) -> int:
    """Bytes sent to a true-colour terminal for these rows."""
    return sum(
        len((part.style or Style()).render(part.text, color_system=ColorSystem.TRUECOLOR).encode())
        for strip in strips
        for part in strip
    )


def measure(pack: CityPack, scale: tuple[str, int], size: tuple[int, int], seed: int, repeats: int) -> dict[str, Any]:
    """One row of the table."""
    scene, painter = flooded(pack, 2.0), Painter("dark")
    camera = Camera.at(0.0, -500.0, step=scale[1], cols=size[0], rows=size[1])
    if not whole_level_matches(scene, camera):
        raise SystemExit(f"indexed and whole drawing differ: {scale[0]} {size}")
    now, then = units(pack, seed, camera)
    painting = Painting(scene)

    def redraw() -> list[Strip]:
        scene.revision += 1
        frame = painting.paint(camera, now, Overlay())
        return [painter.strip(frame, row) for row in range(camera.rows)]

    redraw()
    before = painting.paint(camera, now, Overlay())

    def tick() -> int:
        after = painting.paint(camera, then, Overlay())
        spans = changed(before, after) or []
        return size_b([painter.strip(after, row).crop(col, col + width) for row, col, width in spans])

    points = pack.geom_xy
    inner = np.ones(len(points) - 1, bool)
    inner[pack.geom_start[1:-1] - 1] = False
    every = np.hstack([points[:-1][inner], points[1:][inner]])
    plain = plain_redraw(scene, camera, every)
    ours_ms, plain_ms = (
        cpu_ms(redraw, repeats),
        cpu_ms(lambda: plain_redraw(scene, camera, every), max(repeats // 3, 2)),
    )
    tick_ms = cpu_ms(lambda: changed(before, painting.paint(camera, then, Overlay())), repeats)
    return {
        "scene": scale[0], "cols": size[0], "rows": size[1], "segments": len(every), "units": UNITS,
        "redraw_ms": round(ours_ms, 2), "plain_redraw_ms": round(plain_ms, 2),
        "redraw_ratio": round(plain_ms / ours_ms, 1), "tick_ms": round(tick_ms, 2),
        "tick_ratio": round(plain_ms / tick_ms, 1), "redraw_bytes": size_b(redraw()),
        "plain_bytes": size_b(plain), "tick_bytes": tick(),
    }  # fmt: skip


def shipped_city(folder: Path) -> CityPack:
    """The city of the product, its pack built into ``folder``."""
    from twin.source import ensure_pack

    return CityPack.open(ensure_pack("port-meridian", folder))


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 where the drawings differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one size, few repeats")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    sizes, repeats = (SIZES[1:2], 5) if chosen.quick else (SIZES, 21)
    with tempfile.TemporaryDirectory() as folder:
        pack = shipped_city(Path(folder))
        gc.collect()
        gc.freeze()
        rows = [measure(pack, scale, size, chosen.seed, repeats) for scale in SCALES for size in sizes]
    if chosen.json:
        chosen.json.write_text(json.dumps({"schema": "tocsin.benchmark.map/1", "rows": rows}, indent=2) + "\n")
    heads = ("ours ms", "plain ms", "ratio", "tick ms", "tick B", "plain B")
    columns = ("redraw_ms", "plain_redraw_ms", "redraw_ratio", "tick_ms", "tick_bytes", "plain_bytes")
    print(f"{'scene':10}{'cells':>8}" + "".join(f"{head:>10}" for head in heads))
    for row in rows:
        cells = f"{row['cols']}x{row['rows']}"
        print(f"{row['scene']:10}{cells:>8}" + "".join(f"{row[column]:>10}" for column in columns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
