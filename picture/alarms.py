"""Which events deserve an alarm: only what has a cause, a consequence, an operator action and time to act (ISA-18.2).

Judged on the events of a commit before it is written, so that the alarm stands in the same commit. One key stands
for one cause: while its alarm stands, the same cause counts up instead of raising another. Life-safety alarms are
never counted away: each subject has its own key, and only a person clears one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from picture import events as ev
from picture.ids import Ids
from picture.model import Alarm, StreamPicture
from picture.reports import DistressReport


@dataclass(frozen=True, slots=True)
class _Cause:
    """What an alarm would say; ``key`` groups by cause."""

    key: str
    priority: int
    title: str
    cause: str
    consequence: str
    action: str
    time_to_act_s: int
    subject: str
    life_safety: bool = False
    lon_e7: int | None = None
    lat_e7: int | None = None


SIGNALS = {
    "ais_sart": "AIS-SART: search and rescue beacon",
    "ais_mob": "AIS-MOB: man overboard",
    "ais_epirb": "EPIRB",
    "cot_alert": "Responder emergency",
    "mayday": "Mayday",
    "par_missed": "Accountability check missed",
}


def standing(alarms: Mapping[str, Alarm], key: str) -> Alarm | None:
    """The alarm of this cause that has not been cleared."""
    return next((alarm for alarm in alarms.values() if alarm.key == key and alarm.state != "cleared"), None)


def judge(events: Iterable[ev.Event], picture: StreamPicture, ids: Ids) -> list[ev.Event]:
    """The alarms that these events raise, and those that return to normal by them."""
    found: list[ev.Event] = []
    named: dict[str, str] = {}
    for event in events:
        rule = RULES.get(type(event))
        for cause in rule(event, picture) if rule is not None else ():
            known = standing(picture.alarms, cause.key)
            identifier = known.id if known else named.get(cause.key) or ids.new("AL")
            named[cause.key] = identifier
            found.append(_raise(cause, identifier))
        found.extend(_returned(event, picture))
    return found


def _raise(cause: _Cause, identifier: str) -> ev.AlarmRaised:
    return ev.AlarmRaised(
        id=identifier,
        priority=cause.priority,
        title=cause.title,
        cause_words=cause.cause,
        consequence=cause.consequence,
        action=cause.action,
        time_to_act_s=cause.time_to_act_s,
        subject=cause.subject,
        key=cause.key,
        life_safety=cause.life_safety,
        lon_e7=cause.lon_e7,
        lat_e7=cause.lat_e7,
    )


def _returned(event: ev.Event, picture: StreamPicture) -> list[ev.Event]:
    """Alarms whose cause has gone; never a life-safety one."""
    keys: list[str] = []
    if isinstance(event, ev.FeedChanged) and event.state in ("ok", "connected"):
        keys = [f"feed:{event.id}"]
    elif isinstance(event, ev.LoadChanged) and event.level == "normal":
        keys = [f"load:{event.queue}"]
    elif isinstance(event, ev.LinkChanged) and event.state == "ok":
        keys = [f"link:{event.id}"]
    elif isinstance(event, ev.SensorUpdated) and event.state == "ok":
        keys = [f"sensor:{event.id}"]
    elif isinstance(event, ev.VesselUpdated) and not event.judgement and not event.doubt:
        keys = [f"vessel:{event.mmsi}:judgement", f"vessel:{event.mmsi}:doubt"]
    elif isinstance(event, ev.ProposalSettled) and event.status not in ("escalated", "expired"):
        keys = [f"proposal:{event.id}"]
    elif isinstance(event, ev.HazardChanged) and event.status != "vanished":
        keys = [f"hazard:{event.id}:vanished"]
    changes: list[ev.Event] = []
    for key in keys:
        alarm = standing(picture.alarms, key)
        if alarm is not None and not alarm.life_safety:
            state = "cleared" if alarm.state == "acknowledged" else "returned_unacknowledged"
            if state != alarm.state:
                changes.append(
                    ev.AlarmChanged.model_validate({"id": alarm.id, "state": state, "why": "the cause has gone"})
                )
    return changes


# --- rules ------------------------------------------------------------------------------------------------------


def _incident(event: ev.IncidentOpened, picture: StreamPicture) -> list[_Cause]:
    if event.priority != 1 or any(tag.partition(":")[0] in SIGNALS for tag in event.tags):
        return []  # a distress signal raises its own alarm: one cause, one alarm
    who = f"{event.people_at_risk} people" if event.people_at_risk else "people"
    return [
        _Cause(
            f"incident:{event.incident}",
            1,
            f"{event.title}: {event.place_label or 'position unknown'}",
            f"{event.incident} opened at priority 1",
            f"{who} may die without help",
            "Read it; send units",
            60,
            event.incident,
            life_safety=event.people_trapped,
            lon_e7=event.lon_e7,
            lat_e7=event.lat_e7,
        )
    ]


def _distress(event: ev.ReportReceived, picture: StreamPicture) -> list[_Cause]:
    report = event.report
    if not isinstance(report, DistressReport) or report.ended:
        return []
    return [
        _Cause(
            f"distress:{report.signal}:{report.subject}",
            1,
            f"{SIGNALS[report.signal]} {report.subject}",
            "life-safety signal received",
            "a person is in danger of life",
            "Answer it; send rescue; only you can clear it",
            30,
            event.incident or report.subject,
            life_safety=True,
        )
    ]


def _sensor(event: ev.SensorUpdated, picture: StreamPicture) -> list[_Cause]:
    if event.state == "ok":
        return []
    known = picture.sensors.get(event.id)
    if known is not None and known.state == event.state:
        return []
    name = known.name if known and known.name else event.id
    return [
        _Cause(
            f"sensor:{event.id}",
            3,
            f"{name} is {event.state}",
            event.why,
            "its value is not used; the picture rests on its neighbours",
            "Ask its owner; compare with the neighbours",
            900,
            event.id,
        )
    ]


def _vessel(event: ev.VesselUpdated, picture: StreamPicture) -> list[_Cause]:
    known = picture.vessels.get(str(event.mmsi))
    name = event.name or (known.name if known else "") or str(event.mmsi)
    if event.judgement and (known is None or known.judgement != event.judgement):
        return [
            _Cause(
                f"vessel:{event.mmsi}:judgement",
                2,
                f"{name} is {event.judgement}",
                f"moving over ground while {'at anchor' if event.judgement == 'dragging' else 'moored'}",
                "collision with bridge, berth or barrier",
                "Call the ship and harbour control; close what it may strike",
                300,
                str(event.mmsi),
                lon_e7=event.lon_e7,
                lat_e7=event.lat_e7,
            )
        ]
    if event.doubt and (known is None or known.doubt != event.doubt):
        return [
            _Cause(
                f"vessel:{event.mmsi}:doubt",
                4,
                f"{name}: position doubtful",
                event.doubt,
                "nothing is decided on this track alone",
                "Check by radar or VHF",
                1800,
                str(event.mmsi),
                lon_e7=event.lon_e7,
                lat_e7=event.lat_e7,
            )
        ]
    return []


def _hazard(event: ev.HazardChanged, picture: StreamPicture) -> list[_Cause]:
    known = picture.hazards.get(event.id)
    if event.disputed and (known is None or known.disputed != event.disputed):
        return [
            _Cause(
                f"hazard:{event.id}:disputed",
                2,
                f"{event.title}: a cancellation was not believed",
                event.disputed,
                "the warning stands; somebody may be sending false messages",
                "Call the issuer on a known number",
                600,
                event.id,
            )
        ]
    if event.status == "vanished" and event.severity in ("Extreme", "Severe"):
        return [
            _Cause(
                f"hazard:{event.id}:vanished",
                3,
                f"{event.title}: no longer in its feed",
                "its issuer neither cancelled it nor let it run out",
                "it is not counted as standing; it may still hold",
                "Ask the issuer whether it still holds",
                900,
                event.id,
            )
        ]
    if known is None and event.hazard_kind == "flood" and event.status == "active":
        trusted = sum(1 for _, weight, _ in event.evidence if weight)
        return [
            _Cause(
                f"hazard:{event.id}",
                2,
                event.title,
                f"the median of {trusted} trusted gauges",
                f"{event.roads_closed} road segments under more than 0.3 m of water",
                "Check who is cut off; watch substations and pumps near the level",
                600,
                event.id,
            )
        ]
    if known is None and event.severity in ("Extreme", "Severe"):
        return [
            _Cause(
                f"hazard:{event.id}",
                2,
                event.title,
                f"official warning, severity {event.severity}",
                "conditions will worsen as the warning says",
                "Read it; check which playbooks it arms",
                900,
                event.id,
            )
        ]
    return []


def _feed(event: ev.FeedChanged, picture: StreamPicture) -> list[_Cause]:
    if event.state in ("ok", "connected"):
        return []
    return [
        _Cause(
            f"feed:{event.id}",
            3,
            f"Feed {event.id}: {event.state.replace('_', ' ')}",
            event.why,
            "this part of the picture is ageing",
            "Ask its owner; use another source",
            600,
            event.id,
        )
    ]


_LEVELS = ("normal", "half", "high", "full")
_FILLED = {
    "half": (3, "half full", "if it goes on, messages of this feed will be turned away", 600),
    "high": (2, "80 % full", "messages of this feed will soon be turned away", 120),
    "full": (2, "full", "this feed's senders are told to come again later", 60),
}
"""Level of a queue -> priority, words, consequence, time to act in seconds."""


def _load(event: ev.LoadChanged, picture: StreamPicture) -> list[_Cause]:
    """Overload is told on its way up, before anything is lost; on its way down nothing new is to be done."""
    known = picture.loads.get(event.queue)
    if event.level == "normal" or (known is not None and _LEVELS.index(known.level) >= _LEVELS.index(event.level)):
        return []
    priority, words, consequence, time_to_act_s = _FILLED[event.level]
    return [
        _Cause(
            f"load:{event.queue}",
            priority,
            f"Feed {event.queue}: its queue is {words}",
            f"{event.waiting} of {event.room} messages wait",
            consequence,
            "Ask its owner to send less; look whether somebody floods it",
            time_to_act_s,
            event.queue,
        )
    ]


def _link(event: ev.LinkChanged, picture: StreamPicture) -> list[_Cause]:
    if event.state == "ok":
        return []
    differs = event.state == "differs"
    return [
        _Cause(
            f"link:{event.id}",
            2 if differs else 3,
            f"Link to {event.id}: {'its picture differs' if differs else event.state}",
            event.why,
            "the two show different things" if differs else "what happens there is not on this picture",
            "Have both journals verified" if differs else "Call them; tell them what they cannot see",
            600,
            event.id,
        )
    ]


def _counted(event: ev.ReportsCounted, picture: StreamPicture) -> list[_Cause]:
    if f"{event.source}@{event.minute_ms}" in picture.counted:
        return []  # told when this minute's line began
    return [
        _Cause(
            f"counted:{event.source}",
            3,
            f"Feed {event.source}: more reports than are shown",
            "its senders are over their quota; what is over it is counted and kept",
            "a true report may be among those that are only counted",
            "Open the counted line; ask for calls instead",
            600,
            event.source,
        )
    ]


def _confirmed(event: ev.IncidentChanged, picture: StreamPicture) -> list[_Cause]:
    """An incident that rose to priority 1 because somebody confirmed it; what a person sets raises no alarm."""
    incident = picture.incidents.get(event.incident)
    if event.priority != 1 or event.tags is None or incident is None:
        return []
    place = incident.place
    return [
        _Cause(
            f"incident:{event.incident}",
            1,
            f"{incident.title}: {place.label if place and place.label else 'position unknown'}",
            f"{event.incident} {event.why}",
            "people may die without help",
            "Read it; send units",
            60,
            event.incident,
            life_safety=incident.people_trapped,
            lon_e7=place.lon_e7 if place else None,
            lat_e7=place.lat_e7 if place else None,
        )
    ]


def _undecided(event: ev.ProposalSettled, picture: StreamPicture) -> list[_Cause]:
    proposal = picture.proposals.get(event.id)
    if event.status not in ("escalated", "expired") or proposal is None:
        return []
    gone = event.status == "expired"
    return [
        _Cause(
            f"proposal:{event.id}",
            min(proposal.priority, 2),
            f"{'Expired' if gone else 'Nobody decided'}: {proposal.title}",
            "its deadline has passed",
            "nothing was done; silence never means yes",
            "Do it by hand, or have it proposed anew" if gone else "Decide it, or hand it on",
            120,
            event.id,
        )
    ]


def _request(event: ev.RequestAnswered, picture: StreamPicture) -> list[_Cause]:
    request = picture.requests.get(event.id)
    if request is None or event.status not in ("refused", "countered"):
        return []
    terms = "; ".join(f"{name}: {value}" for name, value in event.terms)
    return [
        _Cause(
            f"request:{event.id}",
            2,
            f"{request.to} {event.status}: {request.what}",
            terms or "no terms given",
            "what was asked is not being done as asked",
            "Read the answer; agree or ask again",
            300,
            event.id,
        )
    ]


def _delivery(event: ev.DeliveryChanged, picture: StreamPicture) -> list[_Cause]:
    if event.state != "dead":
        return []
    return [
        _Cause(
            f"delivery:{event.alert}:{event.recipient}",
            2,
            f"{event.recipient} was not reached",
            event.detail,
            "somebody who should know does not",
            "Call them by telephone or radio",
            300,
            event.alert,
        )
    ]


RULES: dict[type[ev.Event], Callable[[Any, StreamPicture], list[_Cause]]] = {
    ev.IncidentOpened: _incident,
    ev.ReportReceived: _distress,
    ev.SensorUpdated: _sensor,
    ev.VesselUpdated: _vessel,
    ev.HazardChanged: _hazard,
    ev.FeedChanged: _feed,
    ev.LoadChanged: _load,
    ev.LinkChanged: _link,
    ev.ReportsCounted: _counted,
    ev.IncidentChanged: _confirmed,
    ev.ProposalSettled: _undecided,
    ev.RequestAnswered: _request,
    ev.DeliveryChanged: _delivery,
}
