"""The detail page of everything that can be opened: what it is, how we know, why and why not."""

from __future__ import annotations

from collections.abc import Callable

from console.tui import peers
from console.tui.desk import Desk, kind_of
from console.tui.details.feed import feed_page
from console.tui.details.incident import incident_page
from console.tui.details.messages import alert_page, request_page
from console.tui.details.proposal import proposal_page
from console.tui.details.things import facility_page, sensor_page, vessel_page
from console.tui.details.unit import unit_page
from console.tui.details.warnings import alarm_page, closure_page, hazard_page, road_change_page
from console.tui.lines import Item, plain
from console.tui.widgets.held import held_line

Page = Callable[[Desk, str, int], list[Item]]
PAGES: dict[str, tuple[str, Page]] = {
    # kind of key: (table of the picture, page)
    "incident": ("incidents", incident_page), "unit": ("units", unit_page), "vessel": ("vessels", vessel_page),
    "facility": ("facilities", facility_page), "sensor": ("sensors", sensor_page), "alarm": ("alarms", alarm_page),
    "hazard": ("hazards", hazard_page), "closure": ("closures", closure_page),
    "road_change": ("road_changes", road_change_page), "alert": ("alerts", alert_page),
    "request": ("requests", request_page), "feed": ("feeds", feed_page), "proposal": ("proposals", proposal_page),
}  # fmt: skip


def exists(desk: Desk, key: str) -> bool:
    """Whether the picture has the thing."""
    stream, inner = peers.split(key)
    if stream:
        return stream in desk.streams and exists(desk.beside(stream), inner)
    kind, name = kind_of(key)
    return kind in PAGES and name in getattr(desk.home, PAGES[kind][0])


def page(desk: Desk, key: str, width: int) -> list[Item]:
    """The entries of its page, for a width in cells."""
    if not exists(desk, key):
        return [plain("This is not on the picture any more.", width, "dim")]
    stream, inner = peers.split(key)
    if stream:
        theirs = plain(f"Of {stream}, as far as it was received: theirs to change, not ours.", width, "strong")
        return [theirs, *page(desk.beside(stream), inner, width)]
    kind, name = kind_of(key)
    found = PAGES[kind][1](desk, name, width)
    return [*found[:1], *held_line(desk, name, width), *found[1:]]


def title(desk: Desk, key: str) -> str:
    """What it is called, in one line of text from outside."""
    if not exists(desk, key):
        return key
    stream, inner = peers.split(key)
    if stream:
        return f"{title(desk.beside(stream), inner)} ({peers.whose(stream)})"
    kind, name = kind_of(key)
    thing = getattr(desk.home, PAGES[kind][0])[name]
    named = getattr(thing, "title", "") or getattr(thing, "name", "") or getattr(thing, "headline", "")
    return f"{name}  {named}" if named and named != name else name
