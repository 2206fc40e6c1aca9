"""The map answers keys and mouse, tells what was picked, and repaints only what changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widgets import Input

from console.tui.map import MapView, Mark
from tests.map_city import SIZE_M, build_city
from twin.pack import CityPack


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> CityPack:
    return build_city(tmp_path_factory.mktemp("city") / "grid.pack")


class Harness(App[None]):
    """The map above an input line, with every message kept."""

    CSS = "Input { dock: bottom; height: 1; border: none; }"

    def __init__(self, pack: CityPack, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pack = pack
        self.picked: list[tuple[str | None, float, float]] = []
        self.moved: list[MapView.Moved] = []

    def compose(self) -> ComposeResult:
        yield MapView(self.pack)
        yield Input()

    def on_mount(self) -> None:
        self.query_one(MapView).focus()

    def on_map_view_picked(self, message: MapView.Picked) -> None:
        self.picked.append((message.id, message.lon, message.lat))

    def on_map_view_moved(self, message: MapView.Moved) -> None:
        self.moved.append(message)

    @property
    def map(self) -> MapView:
        return self.query_one(MapView)

    def lines(self) -> list[str]:
        return [self.map.render_line(y).text for y in range(self.map.size.height)]


def mark(pack: CityPack, id: str, x: float, y: float, kind: str = "incident", **more: Any) -> Mark:
    lon, lat = pack.to_lonlat(x, y)
    return Mark(id, lon, lat, kind, **more)


@contextmanager
def repainted(view: MapView, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Region, ...]]]:
    calls: list[tuple[Region, ...]] = []
    real = MapView.refresh

    def refresh(self: MapView, *regions: Region, **kwargs: Any) -> Any:
        calls.append(regions)
        return real(self, *regions, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(MapView, "refresh", refresh)
        yield calls


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (300, 90), (20, 8), (1, 2)])
async def test_the_map_fills_any_size_and_first_shows_the_whole_city(pack: CityPack, size: tuple[int, int]) -> None:
    app = Harness(pack)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.map.camera.cols == app.map.size.width and all(len(line) == size[0] for line in app.lines())
        x_min, y_min, x_max, y_max = app.map.camera.bounds
        if size[0] >= 20:
            assert x_min <= 100 and y_min <= 100 and x_max >= SIZE_M - 100 and y_max >= SIZE_M - 100
            assert any("⠀" < char <= "⣿" for line in app.lines() for char in line)


async def test_keys_pan_zoom_and_fit(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        first = app.map.camera
        await pilot.press("right", "l", "down")
        moved = app.map.camera
        assert moved.cell_x > first.cell_x and moved.cell_y > first.cell_y and moved.step == first.step
        await pilot.press("left", "h", "k")
        assert app.map.camera == first
        await pilot.press("plus", "plus")
        assert app.map.camera.dot_m == pytest.approx(first.dot_m / 2)
        await pilot.press("minus", "L")
        assert app.map.camera.dot_m == pytest.approx(first.dot_m / 2**0.5)
        await pilot.press("f")
        assert app.map.camera == first
        await pilot.pause()
        assert app.moved[-1].dot_m == pytest.approx(first.dot_m)
        assert app.moved[-1].can_replace(app.moved[0])


async def test_the_crosshair_picks_a_place_or_the_thing_there_by_keyboard_alone(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.map
        view.center(*pack.to_lonlat(1440, 1440), dot_m=4)
        col, row = view.camera.cell_to_xy(43, 9)
        view.set_marks([mark(pack, "I7", col, row, priority=2, label="Lift entrapment")])
        await pilot.press("c", "right", "right", "right", "up", "up", "up", "enter")
        await pilot.pause()
        assert app.picked == [
            ("I7", pytest.approx(view.mark_layer.marks[0].lon), pytest.approx(view.mark_layer.marks[0].lat))
        ]
        assert view.selected == "I7" and "I7 Lift entrapment" in "".join(app.lines())
        await pilot.press(*["left"] * 12, "enter")
        await pilot.pause()
        id, lon, lat = app.picked[-1]
        assert id is None and view.cursor_lonlat == pytest.approx((lon, lat))
        before = view.camera
        await pilot.press(*["left"] * 50)
        assert view.camera.cell_x < before.cell_x and view.overlay.cursor is not None
        await pilot.press("escape")
        assert view.cursor_lonlat is None


async def test_tab_goes_through_the_marks_worst_first_and_shift_tab_back(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        app.map.set_marks([
            mark(pack, "U1", 900, 1500, "unit", variant="fire"), mark(pack, "I3", 1000, 1000, priority=3),
            mark(pack, "I1", 2000, 2000, priority=1, label="Hospital access cut"),
            mark(pack, "out", 90_000, 0, priority=1),
        ])  # fmt: skip
        await pilot.press("tab", "tab", "tab", "tab", "shift+tab")
        await pilot.pause()
        assert [id for id, _, _ in app.picked] == ["I1", "I3", "U1", "I1", "U1"]


async def test_the_mouse_drags_zooms_and_picks(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.map
        x, y = view.camera.cell_to_xy(30, 10)
        view.set_marks([mark(pack, "I9", x, y, priority=3)])
        await pilot.click(MapView, offset=(30, 10))
        assert app.picked[-1][0] == "I9"
        before = view.camera
        await pilot.mouse_down(MapView, offset=(40, 12))
        await pilot.hover(MapView, offset=(45, 10))
        await pilot.mouse_up(MapView, offset=(45, 10))
        assert view.camera == before.panned(-5, 2) and len(app.picked) == 1
        under = view.camera.cell_to_xy(10, 5)
        await pilot._post_mouse_events([events.MouseScrollUp], MapView, offset=(10, 5))
        await pilot.pause()
        assert view.camera.step == before.step - 1
        assert np.abs(view.camera.to_cells(np.array([under]))[0] - [10, 5]).max() <= 1


async def test_a_tick_repaints_only_the_cells_that_changed(pack: CityPack, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.map
        view.center(*pack.to_lonlat(1440, 1440), dot_m=4)
        still = mark(pack, "U1", *view.camera.cell_to_xy(10, 4), "unit", variant="police")
        view.set_marks([still, mark(pack, "U2", *view.camera.cell_to_xy(20, 9), "unit", variant="fire", moving=True)])
        await pilot.pause()
        base = view._painting.base
        with repainted(view, monkeypatch) as calls:
            view.set_marks(
                [still, mark(pack, "U2", *view.camera.cell_to_xy(21, 9), "unit", variant="fire", moving=True)]
            )
            view.set_marks(
                [still, mark(pack, "U2", *view.camera.cell_to_xy(21, 9), "unit", variant="fire", moving=True)]
            )
        assert calls == [(Region(20, 9, 2, 1),)]
        assert view._painting.base is base
        await pilot.pause()
        assert app.lines()[9][21] == "▲" and app.lines()[9][20] != "▲"


async def test_hazard_and_theme_changes_reach_the_screen(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.map
        styles = lambda: {segment.style for y in range(23) for segment in view.render_line(y)}  # noqa: E731
        dry = styles()
        view.set_flood(np.full(pack.terrain.shape, 2, np.float32))
        await pilot.pause()
        wet = styles()
        assert wet != dry
        view.set_flood(None)
        assert styles() == dry
        view.set_theme("light")
        assert not styles() & dry and view.theme_name == "light"
        with pytest.raises(KeyError):
            view.set_theme("plaid")
        assert view.theme_name == "light"


async def test_what_was_set_before_the_map_had_a_size_is_shown(pack: CityPack) -> None:
    class Early(Harness):
        def compose(self) -> ComposeResult:
            view = MapView(self.pack)
            view.set_marks([mark(pack, "I1", 1440, 1440, priority=1, label="Quay flooding")])
            view.set_closed([1, 2, 3])
            view.center(*pack.to_lonlat(1440, 1440), dot_m=8)
            yield view

    app = Early(pack)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        assert "1 Quay flooding" in "".join(app.lines()) and app.map.camera.dot_m == 8


async def test_labels_from_data_never_act(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        x, y = app.map.camera.cell_to_xy(20, 8)
        evil = "\x1b]52;c;x\x07[@click=app.quit]A[/]\u202e東"
        app.map.set_marks([mark(pack, "I1", x, y, priority=1, label=evil)])
        await pilot.pause()
        line = app.map.render_line(8)
        assert "␛]52;c;x␇[@click=app.quit]A[/]‹U+202E›東" in line.text and line.cell_length == 80
        assert not any(segment.style and segment.style.meta for segment in line)
        await pilot.click(MapView, offset=(40, 8))
        assert app.is_running


async def test_the_legend_explains_what_is_on_the_map(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        x, y = app.map.camera.cell_to_xy(20, 8)
        app.map.set_marks([mark(pack, "H", x, y, "facility", variant="hospital"), mark(pack, "V", x, y + 99, "vessel")])
        app.map.set_closed([5])
        bare = app.lines()
        await pilot.press("g")
        text = "\n".join(app.lines())
        assert all(words in text for words in ("⊞   hospital", "vessel", "road closed", "permanent water"))
        assert "shelter" not in text
        await pilot.press("escape")
        assert app.lines() == bare


async def test_scale_north_and_attribution_stand_on_the_map(pack: CityPack) -> None:
    app = Harness(pack)
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(6):
            text = "\n".join(app.lines())
            assert "Grid Haven survey" in text and "N ↑" in text and "┤ " in text
            await pilot.press("plus")


def test_the_map_loads_no_road_engine_and_no_picture_model() -> None:
    code = "import sys, console.tui.map; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                            cwd=Path(__file__).resolve().parent.parent).stdout.split()  # fmt: skip
    assert not {"scipy", "shapely", "networkx", "pydantic", "picture.model", "twin.network"} & set(loaded)
