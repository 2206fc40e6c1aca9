"""Makes the pictures of the console in docs/pictures from a drill that it runs itself.

The drill is the shipped storm surge with its own core; a client does by command what an operator would have done by
then. Screens are exported by the console as SVG and drawn by Chromium, which must be on the PATH.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from console import commands as c
from console.config import Home
from console.drill.process import Run
from console.drill.scenario import load
from console.link import Link, socket_of
from console.starting import scenario_folder, start_core, wait_for_core
from console.tui.app import TocsinApp
from picture.errors import TocsinError
from picture.sealing import core_signing_key
from twin.pack import CityPack
from twin.source import ensure_pack

TEN_MINUTES_BACK = ("left_square_bracket",) * 10
PICTURES: tuple[tuple[str, tuple[int, int], tuple[str, ...]], ...] = (
    ("console", (200, 60), ("2", "down", "up")),
    ("console-80x24", (80, 24), ()),
    ("console-wall", (300, 90), ("2", "down", "up")),
    ("console-past", (200, 60), ("2", *TEN_MINUTES_BACK)),
)
"""Name, size, and the keys that are pressed before."""
PERSON, POSITION = "j.okafor", "duty_officer"
FONT = "DejaVu Sans Mono"
COLOURS = 128
FIRST_DECISION_MIN, FIRST_SENDING_MIN, LAST_SENDING_MIN, PICTURE_MIN = 24.0, 34.0, 37.5, 38.5
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


async def until(true: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Returns once ``true`` is; ends the program with ``what`` where that takes too long."""
    for _ in range(round(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    sys.exit(f"The drill did not get so far: {what}.")


class Hand:
    """An operator's commands over a link."""

    def __init__(self, link: Link) -> None:
        self.link = link

    async def jump_to(self, minute: float) -> None:
        """Jumps ahead to a minute of the exercise and waits until it is there."""
        home = self.link.picture.home
        to_ms = home.drill.start_ms + round(minute * 60_000)
        await self.link.command(c.ControlDrill(action="jump", by_s=max(1.0, (to_ms - self.link.now_ms()) / 1000)))
        await until(lambda: self.link.now_ms() >= to_ms, f"minute {minute:g}")
        await asyncio.sleep(1.0)

    async def approve(self) -> None:
        """Approves what waits for one person."""
        for one in list(self.link.picture.home.proposals.values()):
            if one.status == "waiting" and one.quorum == 1:
                await self.link.command(self.link.decide(one, "approve"))

    async def tidy(self) -> None:
        """Reads what was reported and acknowledges what rang, but for the newest."""
        home = self.link.picture.home
        for incident in sorted(home.incidents.values(), key=lambda one: one.opened_ms)[:-2]:
            await self.link.command(c.ChangeIncident(incident=incident.id, unread=False))
        for alarm in sorted(home.alarms.values(), key=lambda one: one.raised_ms)[:-3]:
            if alarm.state == "unacknowledged":
                await self.link.command(c.AckAlarm(alarm=alarm.id))

    async def send_units(self) -> None:
        """Sends the nearest free units to what is open, most urgent first, and sets them under way."""
        home = self.link.picture.home
        for one in sorted(home.incidents.values(), key=lambda each: (each.priority, each.opened_ms)):
            if one.status != "open" or one.place is None or one.priority > 3 or one.units:
                continue
            answer = await self.link.command(c.NearestUnits(incident=one.id))
            able = [way["unit"] for way in answer["units"] if way["eta_s"] and not way["why_not"]]
            for name in able[: one.units_needed]:
                try:
                    await self.link.command(c.Assign(unit=name, incident=one.id))
                    await self.link.command(c.SetStatus(unit=name, status="enroute"))
                except TocsinError as why:
                    print(f"{name} to {one.id}: {why}", file=sys.stderr)

    async def arrive(self) -> None:
        """Puts on scene who should be there by now."""
        home = self.link.picture.home
        for one in list(home.assignments.values()):
            unit = home.units.get(one.unit)
            late = one.eta_ms is not None and one.eta_ms < self.link.now_ms()
            if late and one.status == "active" and unit and unit.local_status == "enroute":
                await self.link.command(c.SetStatus(unit=unit.id, status="on_scene"))


async def play(folder: Path, pack: Path, out: Path, browser: str) -> None:
    """The evening up to the picture, then the pictures."""
    link = Link(socket_of(folder), PERSON, POSITION, core_signing_key(folder / "people" / PERSON))
    following = asyncio.create_task(link.run(lambda _: None))
    await until(lambda: link.state == "live" and link.picture.home.drill.start_ms > 0, "its beginning")
    hand = Hand(link)
    await hand.jump_to(FIRST_DECISION_MIN)
    await hand.approve()
    await hand.jump_to(FIRST_SENDING_MIN)
    await hand.send_units()
    await hand.jump_to(LAST_SENDING_MIN)
    await hand.arrive()
    await hand.send_units()
    await hand.tidy()
    await hand.jump_to(PICTURE_MIN)
    await hand.arrive()
    await link.command(c.ControlDrill(action="speed", speed=1.0))
    for name, size, keys in PICTURES:
        draw(await screen(folder, pack, size, keys), out / f"{name}.png", browser)
        print(f"{out / name}.png {(out / f'{name}.png').stat().st_size // 1024} kB")
    await link.command(c.ControlDrill(action="stop"))
    following.cancel()


async def screen(folder: Path, pack: Path, size: tuple[int, int], keys: tuple[str, ...]) -> str:
    """The console at one size as SVG."""
    link = Link(socket_of(folder), PERSON, POSITION, core_signing_key(folder / "people" / PERSON))
    app = TocsinApp(link, CityPack.open(pack))
    async with app.run_test(size=size) as pilot:
        await until(lambda: link.state == "live" and link.flood_depth() is not None, "water on the streets")
        await pilot.pause(1.5)
        if keys:
            await pilot.press(*keys)
            await pilot.pause(2.0)
        return app.export_screenshot(title="tocsin")


def draw(svg: str, path: Path, browser: str) -> None:
    """The SVG as a PNG of few colours."""
    svg = re.sub(r"@font-face\s*\{[^}]*\}", "", svg).replace("Fira Code", FONT)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if box is None:
        sys.exit("The console's SVG has no size.")
    width, height = (int(float(side)) + 1 for side in box.groups())
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "screen.html"
        page.write_text(f'<meta charset="utf-8"><body style="margin:0;background:#000">{svg}</body>', encoding="utf-8")
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-background-networking", f"--user-data-dir={scratch}/profile",
             f"--window-size={width},{height}", f"--screenshot={path.resolve()}", page.as_uri()],
            check=True, capture_output=True)  # fmt: skip
    try:
        from PIL import Image
    except ImportError:
        print("Pillow is not installed: the picture stays larger than it need be.", file=sys.stderr)
        return
    full = Image.open(path).convert("RGB")
    # The commonest colours as they are: what a theme means by a colour must not drift, only its soft edges may.
    common = sorted(full.getcolors(full.width * full.height) or (), reverse=True)[:COLOURS]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for _, colour in common for part in colour])
    full.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """``python scripts/console_pictures.py [--out docs/pictures]``."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, default=Path("docs/pictures"))
    out = options.parse_args().out
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("The pictures need Chromium on the PATH, to draw the console's SVG.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "drill"
        folder.mkdir()
        source = scenario_folder("storm-surge")
        cache = Home.find().cache
        pack = ensure_pack("port-meridian", cache, lambda what, share: None)
        order = cache / f"{pack.stem}.order.npy"
        run = Run(scenario=source, pack=pack, order=order, seed=load(source).seed, speed=20.0, person=PERSON,
                  position=POSITION)  # fmt: skip
        (folder / "run.json").write_text(run.model_dump_json(), encoding="utf-8")
        start_core(folder)
        wait_for_core(folder)
        asyncio.run(play(folder, pack, out, browser))


if __name__ == "__main__":
    main()
