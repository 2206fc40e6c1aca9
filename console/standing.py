"""What is new in a message that is the whole of what stands: what appeared, changed, or is in it no longer.

Some publishers state everything that holds each time they speak (road closures by DATEX II, service alerts by GTFS
Realtime). What they repeat is no news, and what they leave out is over. The picture itself is the memory, so a
restarted core knows what a message of today no longer holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from picture.clock import rfc3339
from picture.model import Closure, Hazard, StreamPicture
from picture.reports import AlertMessage, Report, RoadReport

NO_LONGER: Final = "no longer in its feed"


def closure_id(feed: str, road: str) -> str:
    """The closure that this feed's word on this road makes or lifts."""
    return f"C-{feed}-{road.casefold()}"


def news(
    feed: str, reports: Iterable[Report], picture: StreamPicture, now_ms: int, *, on_map: Callable[[RoadReport], bool]
) -> tuple[Report, ...]:
    """The reports that change the picture, and an end for each closure and alert of this feed that is not among them.

    ``on_map`` says whether a road can be closed here at all: publishers speak of whole countries. An alert whose time
    ran out is left to expire, which is not the same as being called off.
    """
    found: list[Report] = []
    named: set[str] = set()
    for report in reports:
        match report:
            case RoadReport(closed=True):
                named.add(closure_id(feed, report.road))
                if _closes(feed, report, picture, on_map):
                    found.append(report)
            case AlertMessage():
                known = _warning(feed, report, picture)
                if known is None:
                    found.append(report)
                    continue
                named.add(known.id)
                if _differs(known, report):
                    found.append(report.model_copy(update={"msg_type": "Update", "references": (_reference(known),)}))
            case _:
                found.append(report)
    return (*found, *_ended(feed, named, picture, now_ms))


def _closes(feed: str, report: RoadReport, picture: StreamPicture, on_map: Callable[[RoadReport], bool]) -> bool:
    known = picture.closures.get(closure_id(feed, report.road))
    if known is not None and known.status == "active" and _same_closure(known, report):
        return False
    return on_map(report)


def _same_closure(known: Closure, report: RoadReport) -> bool:
    place = known.place
    where = (place.lon_e7, place.lat_e7) if place is not None else (None, None)
    return where == (report.lon_e7, report.lat_e7) and report.reason in (known.reason, "")


def _warning(feed: str, report: AlertMessage, picture: StreamPicture) -> Hazard | None:
    return next(
        (
            one
            for one in picture.hazards.values()
            if one.kind == "warning"
            and one.status != "cancelled"
            and (one.source, one.sender, one.external_id) == (feed, report.sender, report.external_id)
        ),
        None,
    )


def _differs(known: Hazard, report: AlertMessage) -> bool:
    """Whether the alert would change what is seen of the warning; one that ran out and is stated again stands again."""
    stated = replace(
        known,
        title=report.headline or report.event or known.title,
        severity=report.severity,
        expires_ms=report.expires_ms,
        rings=report.rings or known.rings,
        status="active",
    )
    return stated != known


def _reference(known: Hazard) -> str:
    return f"{known.sender},{known.external_id},{rfc3339(known.updated_ms)}"


def _ended(feed: str, named: set[str], picture: StreamPicture, now_ms: int) -> list[Report]:
    found: list[Report] = []
    for closure in sorted(picture.closures.values(), key=lambda one: one.id):
        if closure.by == feed and closure.status == "active" and closure.id not in named:
            found.append(RoadReport(at_ms=now_ms, road=closure.name, closed=False, reason=NO_LONGER))
    for hazard in sorted(picture.hazards.values(), key=lambda one: one.id):
        ours = (hazard.kind, hazard.source, hazard.status) == ("warning", feed, "active")
        if not ours or hazard.id in named or (hazard.expires_ms is not None and hazard.expires_ms <= now_ms):
            continue
        found.append(
            AlertMessage(
                at_ms=now_ms, sent_ms=now_ms, external_id=hazard.external_id, sender=hazard.sender, status="Actual",
                msg_type="Cancel", references=(_reference(hazard),), event=NO_LONGER,
            )
        )  # fmt: skip
    return found
