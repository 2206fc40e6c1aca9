"""TocsinApp: the console as a client of one core. It reads the link's picture and sends commands; it holds no facts."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import events
from textual.binding import BindingType

from console.tui import details, ink, peers
from console.tui.alert_bell import AlertBell
from console.tui.desk import Desk, reason
from console.tui.exercise import Exercise
from console.tui.keys import ABOUT_A_ROW, ACTING, bindings
from console.tui.screens import boards, palette
from console.tui.screens.ask import AskScreen
from console.tui.screens.closed import ClosedScreen, LockScreen, LogInScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.item import ItemScreen
from console.tui.screens.main import MainScreen
from console.tui.screens.pick import PickScreen
from console.tui.screens.proposal import ProposalScreen
from console.tui.screens.why import WhyScreen
from console.tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.actions import ActionParseResult
    from textual.dom import DOMNode

    from console.link import Change, Session
    from twin.pack import CityPack

TICK_S = 0.1
SECOND_S = 1.0
FOLLOW_AGAIN_S = 1.0
SHORTEST_PIN = 4
LOCK_HEADING = "LOCK THIS DESK"


class TocsinApp(Exercise):
    """Screens over one Session. Ten times a second marks move, once a second ages and clocks do."""

    CSS = """
    MainScreen, PageScreen { background: $tocsin-ground; color: $foreground; }
    PageScreen > Rows { height: 1fr; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self,
        link: Session,
        pack: CityPack,
        *,
        theme: Literal["dark", "light", "high_contrast"] = "dark",
        lock_after_min: int = 0,
    ) -> None:
        """``lock_after_min``: minutes without a key after which the desk locks itself; 0 is never."""
        super().__init__()
        self.link = link
        self.ink: str = theme
        for name in ink.ORDER:
            self.register_theme(ink.theme(name))
        self.theme = ink.theme(theme).name
        self.desk = Desk(
            link,
            pack,
            start=lambda job: self.run_worker(job, exit_on_error=False),
            changed=self.show_now,
            clashed=self.clashed,
        )
        self._lock_after_s = lock_after_min * 60.0
        self._last_key = time.monotonic()
        self._locking = False
        self.main = MainScreen(self.desk)
        self.alert_bell = AlertBell()
        self._dirty: set[str] = set()
        self._whole = False

    def on_mount(self) -> None:
        """Screen, link, clocks."""
        self.main.map.set_theme(self.ink)
        self.push_screen(self.main)
        self.run_worker(self._follow(), exit_on_error=False)
        self.set_interval(TICK_S, self._tick)
        self.set_interval(SECOND_S, self._second)
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()  # start-up and the first picture live long: collecting them again and again costs frames

    # What changed

    async def _follow(self) -> None:
        """Follows the core for ever; what the link cannot handle is told, and followed again."""
        while True:
            try:
                await self.link.run(self.on_change)
            except Exception as why:  # the screen's boundary: a broken frame must not freeze the picture unsaid
                self.desk.tell(f"The link to the core broke off, and is tried again: {reason(why)}", refused=True)
            await asyncio.sleep(FOLLOW_AGAIN_S)

    def _keys_anew(self) -> None:
        """The line of keys says in which world they are pressed, which a core tells when it is reached."""
        for line in self.screen.query(KeyLine):
            line.reload()

    def on_change(self, change: Change) -> None:
        """Entries arrived; they are shown with the next tick, many at once if there are many."""
        self._dirty |= change.kinds
        self._whole |= change.snapshot or change.state_changed
        if change.snapshot:
            self.call_after_refresh(self._settle)

    def _tick(self) -> None:
        arrived = bool(self._dirty) or self._whole
        kinds, self._dirty = self._dirty, set()
        whole, self._whole = self._whole, False
        tidied = self.desk.tidy(arrived=arrived)
        if whole:
            self._close_or_open()
            self._keys_anew()
        if self.desk.travel.past is not None and not whole:
            kinds = set()
        if arrived or tidied:
            self._reload(None if whole or tidied else kinds, below=whole or tidied)
            self._ring()
        elif self.screen_stack and self.screen is self.main:
            self.main.map.tick()

    def _second(self) -> None:
        if self._lock_after_s and not self.desk.link.locked and time.monotonic() - self._last_key > self._lock_after_s:
            self.lock("")
        self._close_or_open()
        self._reload(None)
        self._ring()

    def _ring(self) -> None:
        if self.alert_bell.due(self.desk.live.alarms.values(), time.monotonic()):
            self.bell()

    def show_now(self) -> None:
        """Shows what the operator just did, before anything else happens."""
        self._reload(None)

    def _reload(self, kinds: set[str] | None, *, below: bool = True) -> None:
        """Reloads the screen on top; with ``below`` also what a dialog leaves in sight, which is dear."""
        for screen in reversed(self.screen_stack):
            reload = getattr(screen, "reload", None)
            if reload is not None:
                reload(kinds)
            if not (below and screen.is_modal):
                return

    # Who may look, and who may act

    async def on_event(self, event: events.Event) -> None:
        """Notes when somebody was last at the keys."""
        if isinstance(event, events.Key | events.MouseDown | events.MouseScrollDown | events.MouseScrollUp):
            self._last_key = time.monotonic()
        await super().on_event(event)

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Does an action, unless it commands something where nothing may be commanded; that is said at once."""
        name = action.partition("(")[0].rpartition(".")[2] if isinstance(action, str) else action[1]
        if name == "emergency" and self.desk.link.locked:
            if isinstance(self.screen, ClosedScreen):
                self.screen.say("A locked desk stops nothing: unlock it, then press the emergency keys again.")
            return True
        if name in ACTING and (barred := self.desk.barred()):
            self.desk.tell(barred, refused=True)
            return True
        if name in ABOUT_A_ROW and (stream := peers.split(self.subject)[0]) and not self.screen.is_modal:
            self.desk.tell(peers.NOT_OURS.format(whose=peers.whose(stream)), refused=True)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def action_lock(self) -> None:
        """Asks for a PIN, which may be left out, and locks."""
        if isinstance(self.screen, ClosedScreen) or getattr(self.screen, "heading", "") == LOCK_HEADING:
            return
        lines = [
            "Sealed values and what people said leave this screen; alarms stay and sound.",
            "A PIN of four characters or more opens it again, beside token and second factor. It may stay empty.",
        ]
        self.push_screen(
            AskScreen(self.desk, LOCK_HEADING, lines, optional=True, secret=True),
            lambda pin: None if pin is None else self.lock(pin),
        )

    def lock(self, pin: str) -> None:
        """Covers the screen at once and has the core lock this client; tried again until it has."""
        if not self._locking:
            self._locking = True
            self._close_or_open()
            self.run_worker(self._lock(pin), exit_on_error=False)

    async def _lock(self, pin: str) -> None:
        try:
            await self.desk.link.lock(pin)
        except Exception as why:  # the screen's boundary
            if 0 < len(pin) < SHORTEST_PIN or self._lock_after_s == 0:
                self._locking = False
                self.desk.tell(f"Not locked: {reason(why)}", refused=True)
            else:
                await asyncio.sleep(FOLLOW_AGAIN_S)
                self.call_later(self._lock_again)
        else:
            self._locking = False
        self._close_or_open()

    def _lock_again(self) -> None:
        self._locking = False
        if not self.desk.link.locked:
            self.lock("")

    def _close_or_open(self) -> None:
        """Covers what may not be read now, and uncovers it."""
        link = self.desk.link
        asked = LogInScreen if link.state == "log_in" else LockScreen if link.locked or self._locking else None
        covered = next((one for one in self.screen_stack if isinstance(one, ClosedScreen)), None)
        if covered is not None and type(covered) is not asked and self.screen is covered:
            self.pop_screen()
            covered = None
        if asked is not None and covered is None and self.screen_stack:
            self.desk.travel.past = self.desk.travel.wanted = None
            self.push_screen(asked(self.desk))

    # Going about

    def open_item(self, key: str) -> None:
        """Opens the page of anything."""
        if key.startswith("proposal:"):
            self.push_screen(ProposalScreen(self.desk, key))
        elif details.exists(self.desk, key):
            self.push_screen(ItemScreen(self.desk, key))
            self.desk.read(key)

    def go_to(self, key: str) -> None:
        """Selects a thing, shows it on the map and opens it."""
        self.main.select(key)
        self.main.map.look_at(key)
        self.open_item(key)

    def action_pane(self, name: str) -> None:
        """A pane of the main screen, from anywhere."""
        while self.screen is not self.main and len(self.screen_stack) > 2:
            self.pop_screen()
        self.main.go(name)

    def action_approvals(self) -> None:
        """Opens the chosen proposal, else goes to the list and opens the most urgent on the second press."""
        if self.subject.startswith("proposal:"):
            self.open_item(self.subject)
        else:
            self.action_pane("approvals")

    def action_units(self) -> None:
        """The unit board."""
        self.push_screen(boards.UnitBoard(self.desk))

    def action_outbox(self) -> None:
        """Alerts and requests."""
        self.push_screen(boards.Outbox(self.desk))

    def action_log(self) -> None:
        """The log."""
        self.push_screen(boards.LogBoard(self.desk))

    def action_feeds(self) -> None:
        """Feeds."""
        self.push_screen(boards.FeedBoard(self.desk))

    def action_map_table(self) -> None:
        """What is on the map, as text."""
        self.push_screen(boards.MapTable(self.desk, self.main.map))

    def action_why(self) -> None:
        """Traces of the playbooks."""
        self.show_why("")

    def show_why(self, playbook: str) -> None:
        """Traces of one playbook, or of all."""
        self.push_screen(WhyScreen(self.desk, playbook))

    def action_help(self) -> None:
        """Keys, words, legend."""
        self.push_screen(HelpScreen(self.desk))

    def action_view(self) -> None:
        """Shows the subject on the map."""
        key = self.subject
        self.action_pane("map")
        self.main.select(key)
        if not self.main.map.look_at(key):
            self.desk.tell("It has no place on the map.")

    def action_next_mark(self, by: int) -> None:
        """The next thing on the map."""
        self.action_pane("map")
        self.main.map.action_next_mark(by)

    def action_palette(self) -> None:
        """Finds anything, does anything."""
        if not self.screen.is_modal:
            self.push_screen(
                PickScreen(self.desk, "PALETTE", lambda: palette.choices(self, self.desk)),
                lambda got: palette.run(self, got[0]) if got else None,
            )

    def action_theme(self) -> None:
        """The next theme."""
        self._wear(ink.ORDER[(ink.ORDER.index(self.ink) + 1) % len(ink.ORDER)])

    def _wear(self, name: str) -> None:
        self.ink = name
        self.theme = ink.theme(name).name
        self.main.map.set_theme(name)
        self.refresh(layout=True)
        for screen in self.screen_stack:
            for widget in screen.query("*"):
                widget.refresh()

    def action_leave_console(self) -> None:
        """Leaves; the core goes on."""
        self.exit()


def run(
    link: Session,
    pack: CityPack,
    *,
    theme: Literal["dark", "light", "high_contrast"] = "dark",
    lock_after_min: int = 0,
) -> None:
    """Runs the console on this terminal until the operator leaves it; the core is not touched by that."""
    TocsinApp(link, pack, theme=theme, lock_after_min=lock_after_min).run()
