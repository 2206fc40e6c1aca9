"""Writes the recorded messages of ``sample_incidents/storm-surge`` with the encoders of the feeds.

The recording is shipped data; this is how it is made again after a change: ``python scripts/storm_surge.py``. The same
script gives the same bytes on every machine: nothing is random and no clock is read.
"""

# Tables: one call, one reading, one message a line.
# fmt: off

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from storm_surge_calls import APP, C112, CALLS, POLICE, PORT, POWER, Call  # noqa: E402

from feeds.ais import codec as ais  # noqa: E402
from feeds.cap import codec as cap  # noqa: E402
from feeds.incident import codec as incident  # noqa: E402
from feeds.ngsi import codec as ngsi  # noqa: E402
from feeds.replay import Recorded, write  # noqa: E402
from feeds.sensorthings import codec as sensorthings  # noqa: E402
from feeds.tak import codec as tak  # noqa: E402
from picture.reports import (  # noqa: E402
    AlertMessage,
    DistressReport,
    FacilityReport,
    IncidentReport,
    Observation,
    RoadReport,
    UnitReport,
    VesselReport,
)

FOLDER = ROOT / "sample_incidents" / "storm-surge"
START_MS = round(datetime(2026, 11, 20, 17, 30, tzinfo=UTC).timestamp() * 1000)
MINUTES = 90
KNOT_MPS = 1852 / 3600
MOLE_LAT_SCALE = math.cos(math.radians(45.96))
METRES_PER_DEGREE = 111_195.0
Path_ = tuple[tuple[float, float, float], ...]
"""(minute, lon, lat) corners of a track."""


def ms(minute: float) -> int:
    """Epoch milliseconds of a minute of the night, on a whole second."""
    return START_MS + round(minute * 60) * 1000


def e7(degrees: float) -> int:
    return round(degrees * 1e7)


def between(points: tuple[tuple[float, float], ...], x: float) -> float:
    """The value at ``x`` on a line through (x, value) points; beyond the ends, the end's value."""
    if x <= points[0][0]:
        return points[0][1]
    for (a, low), (b, high) in pairwise(points):
        if x <= b:
            return low + (high - low) * (x - a) / (b - a)
    return points[-1][1]


class Tape:
    """The messages of the night, put in order of time at the end."""

    def __init__(self) -> None:
        self._messages: list[Recorded] = []

    def say(self, minute: float, feed: str, body: bytes) -> None:
        self._messages.append(Recorded(round(minute * 60) * 1000, feed, body))

    def __iter__(self) -> Iterator[Recorded]:
        return iter(sorted(self._messages, key=lambda message: message.offset_ms))


# --- water and wind -----------------------------------------------------------------------------------------------

SEA = ((-30, 1.02), (-10, 1.40), (0, 1.62), (10, 1.85), (20, 2.11), (30, 2.38), (40, 2.63), (50, 2.86), (58, 2.98),
       (65, 3.04), (70, 3.02), (80, 2.88), (90, 2.69))  # fmt: skip
"""Sea level at the West Mole in metres on datum: spring tide and about 1.1 m of surge."""
GAUGES = {
    # id: (lon, lat, minutes behind the mole, metres above it: wind set-up and river)
    "G-MOLE": (-30.0504903, 45.9478394, 0.0, 0.00), "G-BARRIER": (-30.0366378, 45.9577319, 1.0, 0.00),
    "G-QUAY": (-30.006991, 45.9887585, 3.0, 0.02), "G-OLDDOCK": (-30.0181247, 45.9839921, 3.0, 0.03),
    "G-TANNERY": (-29.9668577, 46.0137596, 9.0, 0.08), "G-BROOK": (-30.0251157, 45.9982014, 7.0, 0.05),
}  # fmt: skip
GAUGE_EVERY_MIN = 2.5
STUCK_FROM_MIN = 15.0
SHUT_MIN = 65.0
"""When the barrier is expected to be shut; inside it the water then only drains."""
DRAINS_M_PER_MIN = 0.004
SILENT_MIN = (71.0, 83.0)
"""The gauges' broker says nothing in between."""


def level_m(gauge: str, minute: float) -> float:
    """What a gauge reads: the sea some minutes ago, a ripple of a centimetre, and once shut in, a slow fall."""
    _, _, behind_min, above_m = GAUGES[gauge]
    seen = min(minute, STUCK_FROM_MIN) if gauge == "G-OLDDOCK" else minute
    shut_for = max(0.0, seen - SHUT_MIN) if gauge != "G-MOLE" else 0.0
    sea_m = between(SEA, seen - shut_for - behind_min)
    ripple_m = 0.006 * math.sin(seen * 1.7 + behind_min)
    return round(sea_m + above_m + ripple_m - DRAINS_M_PER_MIN * shut_for, 3)


def gauges(tape: Tape) -> None:
    steps = round(MINUTES / GAUGE_EVERY_MIN)
    for step in range(steps):
        for place, (gauge, (lon, lat, _, _)) in enumerate(GAUGES.items()):
            minute = step * GAUGE_EVERY_MIN + place * 0.2 + 0.3
            if SILENT_MIN[0] < minute < SILENT_MIN[1]:
                continue
            tape.say(minute, "gauges", sensorthings.encode(Observation(
                at_ms=ms(minute - 0.1), sensor=gauge, quantity="water_level", value=level_m(gauge, minute), unit="m",
                lon_e7=e7(lon), lat_e7=e7(lat))))


GUSTS = {
    "W-MOLE": (-30.0388387, 45.9438824, ((0, 21.5), (20, 25.5), (40, 29.0), (55, 31.5), (70, 28.0), (90, 23.5))),
    "W-PORT": (-30.0427225, 45.9769774, ((0, 18.5), (12, 22.5), (40, 25.0), (55, 26.5), (70, 24.0), (90, 20.5))),
    "W-CASTLE": (-30.0055669, 46.0101623, ((0, 15.0), (20, 18.0), (50, 22.0), (70, 19.5), (90, 16.0))),
}
FENCE = {"AQ-H1": 0.6, "AQ-H2": 0.4, "AQ-H3": 0.1, "AQ-H4": 0.8}


def weather(tape: Tape) -> None:
    for minute in range(1, MINUTES, 5):
        batch = [ngsi.encode(Observation(
            at_ms=ms(minute), sensor=sensor, quantity="wind_gust", unit="m/s", lon_e7=e7(lon), lat_e7=e7(lat),
            value=round(between(curve, minute) + 0.8 * math.sin(minute * 1.3), 1)))
            for sensor, (lon, lat, curve) in GUSTS.items()]
        tape.say(minute + 0.2, "city-broker", ngsi.encode_notification(batch, ms(minute + 0.2), subscription="weather"))
    for sampled in (6, 21, 36, 49, 66, 81):
        batch = [ngsi.encode(_gas(sensor, sampled, ppm)) for sensor, ppm in FENCE.items()]
        tape.say(sampled, "city-broker", ngsi.encode_notification(batch, ms(sampled), subscription="fence-line"))
    # A sensor's electronics under spray: less than nothing of a gas cannot be.
    tape.say(50.4, "city-broker", ngsi.encode(_gas("AQ-H1", 50, -12.0)))
    tape.say(52.3, "city-broker", ngsi.encode(Observation(
        at_ms=ms(52), sensor="CW-[@click=app.approve('x')]A[/]", quantity="wind_gust", value=24.1, unit="m/s",
        lon_e7=e7(-30.0291), lat_e7=e7(45.9962))))


def _gas(sensor: str, minute: float, ppm: float) -> Observation:
    return Observation(at_ms=ms(minute), sensor=sensor, quantity="gas_concentration", value=ppm, unit="ppm")


# --- official warnings --------------------------------------------------------------------------------------------

FORECASTER = "duty.forecaster@met.meridian.example"
LOW_GROUND = tuple((e7(lon), e7(lat)) for lon, lat in (
    (-30.062, 45.942), (-29.975, 45.942), (-29.945, 46.004), (-29.955, 46.022), (-30.006, 46.001), (-30.040, 46.003),
    (-30.062, 45.985), (-30.062, 45.942)))  # fmt: skip


def _warning(identifier: str, minute: float, kind: str, headline: str, said: str, **more: object) -> AlertMessage:
    values: dict[str, object] = {
        "at_ms": ms(minute), "sent_ms": ms(minute), "external_id": identifier, "sender": FORECASTER,
        "status": "Exercise", "msg_type": kind, "event": "Coastal flooding", "headline": headline,
        "description": said, "urgency": "Expected", "severity": "Severe", "certainty": "Likely",
        "area": "Harbour, quays and tidal river of Port Meridian", "rings": (LOW_GROUND,),
        "effective_ms": ms(minute), "expires_ms": ms(240),
    }  # fmt: skip
    return AlertMessage.model_validate(values | more)


def warnings(tape: Tape) -> None:
    def met(minute: float, alert: AlertMessage, feed: str = "met-office") -> None:
        tape.say(minute, feed, cap.encode(alert, category="Met", sender_name="Meridian Met Office", language="en-GB"))

    thunder = _warning(
        "MMO-2026-1120-014", 0.5, "Alert", "Thunderstorms: minor disruption possible until 19:00",
        "Scattered thunderstorms crossing from the south-west. Lightning and brief standing water.",
        event="Thunderstorms", severity="Minor", certainty="Possible", area="Port Meridian and district",
        expires_ms=ms(120))  # fmt: skip
    surge = _warning(
        "MMO-2026-1120-017", 2.0, "Alert", "Coastal flood warning: 2.7 m at the West Mole about 18:35",
        "A deepening low off the bay brings a surge of about 0.8 m on top of tonight's spring tide. Peak of 2.7 m on "
        "datum at the West Mole about 18:35. Quays and low streets by the harbour will flood.")
    raised = _warning(
        "MMO-2026-1120-019", 14.0, "Update", "Coastal flood warning raised: 3.0 m at the West Mole about 18:35",
        "The surge is running 0.3 m above the earlier forecast. Peak now 3.0 m on datum at the West Mole about 18:35, "
        "give or take 0.1 m. Expect water in the Fishmarket, Shipwrights, Docklands and the South Embankment.",
        severity="Extreme", urgency="Immediate", references=(cap.reference(surge),))
    met(0.7, thunder)
    met(2.2, surge)
    met(8.0, _warning("MMO-2026-1120-TEST", 8.0, "Alert", "TEST: warning channel check, no action",
                      "Routine test of the warning channel.", status="Test", severity="Extreme"))
    met(14.3, raised)
    met(27.2, _warning("MMO-2026-1120-022", 27.0, "Cancel", "Thunderstorm warning cancelled",
                       "The storms have moved north of the district.", event="Thunderstorms", severity="Minor",
                       area="Port Meridian and district", references=(cap.reference(thunder),)))  # fmt: skip
    met(33.4, _warning("PMW-99-1", 33.3, "Cancel", "ALL CLEAR: coastal flood warning cancelled",
                       "The danger has passed. Normal traffic may resume on all quays.",
                       sender="alerts@port-meridian-weather.example", references=(cap.reference(raised),),
                       certainty="Observed", severity="Minor"), feed="unknown-cap")  # fmt: skip
    tape.say(36.1, "unknown-cap", _ENTITIES)
    met(76.0, _warning(
        "MMO-2026-1120-027", 75.8, "Update", "Coastal flood warning: the tide has turned, still 2.9 m at 18:50",
        "High water has passed at the West Mole, 3.04 m at 18:35. The level falls slowly and stays above 2.6 m "
        "until 19:00. The warning stands.",
        references=(cap.reference(raised),), severity="Severe", certainty="Observed"))


_ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE alert [<!ENTITY a "flood "><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>PMW-99-2</identifier><note>&c;&c;&c;</note></alert>
"""


# --- ships --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ship:
    """A vessel with AIS: particulars, track and navigational status by minute."""

    mmsi: int
    name: str
    ship_type: int
    length_m: int
    draught_dm: int
    destination: str
    track: Path_
    statuses: tuple[tuple[float, int], ...] = ((0, 5),)
    heading: int = 210
    swing_m: float = 0.0
    """How far she wanders round her position at anchor."""

    def status(self, minute: float) -> int:
        return next(status for since, status in reversed(self.statuses) if since <= minute)

    def at(self, minute: float) -> tuple[float, float]:
        lon = between(tuple((m, x) for m, x, _ in self.track), minute)
        lat = between(tuple((m, y) for m, _, y in self.track), minute)
        turn = minute * 0.35 + self.mmsi % 7
        return (lon + self.swing_m * math.cos(turn) / METRES_PER_DEGREE / MOLE_LAT_SCALE,
                lat + self.swing_m * math.sin(turn) / METRES_PER_DEGREE)

    def moving(self, minute: float) -> bool:
        return len(self.track) > 1 and self.track[0][0] <= minute < self.track[-1][0]


ANCHORED, MOORED, ENGINE, RESTRICTED, FISHING = 1, 5, 0, 3, 7
CAPE_VENNER, ORSA_BRISE, GRAIN_DUCHESS = 200411000, 200417000, 200406000
BEACON = "972112043"
SHIPS = (
    Ship(200401000, "HALCYON BRIDGE", 71, 294, 121, "PORT MERIDIAN", ((0, -30.04596, 45.97675),), heading=72),
    Ship(200402000, "CALA MORELL", 71, 168, 84, "SANT VICENC",
         ((18, -30.0394, 45.9755), (20, -30.0385, 45.9743), (22, -30.0355, 45.9730), (24, -30.0300, 45.9722),
          (26, -30.0262, 45.9700), (31, -30.0317, 45.96223), (36, -30.03754, 45.95638),
          (39, -30.04143, 45.94964), (42, -30.04337, 45.94334), (47, -30.05437, 45.93525), (53, -30.06732, 45.92446)),
         ((0, MOORED), (18, ENGINE)), heading=200),
    Ship(200403000, "MERIDIAN VOYAGER", 70, 211, 98, "PORT MERIDIAN", ((0, -30.04531, 45.97378),), heading=251),
    Ship(GRAIN_DUCHESS, "GRAIN DUCHESS", 70, 189, 106, "PORT MERIDIAN", ((0, -30.01245, 45.96895),), heading=48),
    Ship(200405000, "ISLE OF SARNE", 60, 128, 52, "SARNE HARBOUR", ((0, -30.02266, 45.98417),), heading=305),
    Ship(200407000, "ARCTURUS GAS", 82, 159, 74, "PORT MERIDIAN", ((0, -29.98938, 45.94550),), heading=18),
    Ship(200408000, "NORDVIK CHEMIST", 81, 128, 69, "PORT MERIDIAN", ((0, -29.99249, 45.94874),), heading=20),
    Ship(200409000, "SWIFT RETURN", 36, 47, 41, "", ((0, -30.00829, 45.98822),), heading=230),
    Ship(200410000, "B [/]", 37, 14, 21, "", ((0, -30.02640, 45.98545),), heading=300),
    Ship(CAPE_VENNER, "CAPE VENNER", 70, 225, 118, "PORT MERIDIAN", ((0, -30.0970, 45.9570),),
         ((0, ANCHORED),), swing_m=22),
    Ship(200412000, "BALTIC LARK", 70, 118, 60, "PORT MERIDIAN", ((0, -30.0225, 45.9285),),
         ((0, ANCHORED),), swing_m=18),
    Ship(200413000, "STELLA PROPANE", 82, 144, 70, "PORT MERIDIAN", ((0, -29.9540, 45.9310),),
         ((0, ANCHORED),), swing_m=20),
    Ship(ORSA_BRISE, "ORSA BRISE", 70, 142, 43, "PORT MERIDIAN",
         ((29, -30.0300, 45.9318), (34.4, -30.0315, 45.9344), (60, -30.0413, 45.9428), (64, -30.0414, 45.9427),
          (70, -30.0420, 45.9412), (80, -30.0380, 45.9370)),
         ((0, ANCHORED), (62, RESTRICTED)), heading=205, swing_m=12),
    Ship(200420000, "BONNY MAREE", 30, 19, 31, "PORT MERIDIAN",
         ((4, -30.06732, 45.92536), (11, -30.05437, 45.93525), (16, -30.04337, 45.94334), (20, -30.04143, 45.94964),
          (24, -30.03754, 45.95638), (28, -30.03172, 45.96223), (33, -30.02201, 45.97122), (38, -30.01295, 45.98021)),
         ((0, ENGINE), (38, MOORED)), heading=35),
)  # fmt: skip


def ships(tape: Tape) -> None:
    """One delivery of the receiver a minute: who moves every minute, at anchor every third, moored every sixth."""
    for minute in range(MINUTES):
        lines = b"".join(_heard(ship, place, minute) for place, ship in enumerate(SHIPS))
        if minute == 47:
            # One false position of a ship at anchor: eleven kilometres in three minutes and back.
            lines += ais.encode(VesselReport(
                at_ms=ms(minute), mmsi=CAPE_VENNER, lon_e7=e7(-29.9530), lat_e7=e7(45.9330), speed_mmps=0,
                nav_status=ANCHORED))
        if minute == 19:
            lines += _with_broken_checksum(_position(SHIPS[0], minute))
        tape.say(minute + 0.1, "ais", lines)
    tape.say(32.8, "ais", ais.encode_text(ORSA_BRISE, "ORSA BRISE DRAGGING ANCHOR IN OUTER BAY, ENGINE 30 MIN NOTICE, "
                                                      "NEED TUGS", ms(32.8)))  # fmt: skip
    tape.say(49.6, "ais", ais.encode_text(GRAIN_DUCHESS, "MAYDAY GRAIN DUCHESS, MAN OVERBOARD, GRAIN BERTH, LAUNCH "
                                                         "NEEDED", ms(49.6)))  # fmt: skip
    for heard_min, lon, lat in ((49.4, -30.01262, 45.96880), (51.0, -30.01280, 45.96860), (53.0, -30.01300, 45.96850),
                             (56.0, -30.01350, 45.96820)):  # fmt: skip
        tape.say(heard_min, "ais", ais.encode(_beacon(heard_min, lon, lat)))
    tape.say(61.5, "ais", ais.encode(_beacon(61.5, -30.01350, 45.96820, ended=True)))


def _heard(ship: Ship, place: int, minute: int) -> bytes:
    every = 1 if ship.moving(minute) else 3 if ship.status(minute) == ANCHORED else 6
    particulars = b""
    if (minute + place) % 30 == place % 5:
        particulars = ais.encode(VesselReport(
            at_ms=ms(minute), mmsi=ship.mmsi, name=ship.name, ship_type=ship.ship_type, length_m=ship.length_m,
            draught_dm=ship.draught_dm, destination=ship.destination or None))
    return particulars + (_position(ship, minute) if (minute + place) % every == 0 else b"")


def _position(ship: Ship, minute: int) -> bytes:
    (lon, lat), (then_lon, then_lat) = ship.at(minute), ship.at(minute + 1)
    east = (then_lon - lon) * METRES_PER_DEGREE * MOLE_LAT_SCALE
    north = (then_lat - lat) * METRES_PER_DEGREE
    moving = ship.moving(minute)
    course = round(math.degrees(math.atan2(east, north)) % 360 * 10) % 3600 * 10 if moving else None
    return ais.encode(VesselReport(
        at_ms=ms(minute), mmsi=ship.mmsi, lon_e7=e7(lon), lat_e7=e7(lat), course_cdeg=course,
        speed_mmps=round(math.hypot(east, north) / 60 * 1000) if moving else 0 if ship.status(minute) == MOORED else 90,
        heading_deg=ship.heading, nav_status=ship.status(minute)))


def _beacon(minute: float, lon: float, lat: float, *, ended: bool = False) -> DistressReport:
    return DistressReport(
        at_ms=ms(minute), signal="ais_mob", subject=BEACON, lon_e7=e7(lon), lat_e7=e7(lat), ended=ended)


def _with_broken_checksum(line: bytes) -> bytes:
    """The line with another last digit of its checksum, as a receiver on a noisy mast gives it."""
    body = line.rstrip(b"\r\n")
    return body[:-1] + (b"0" if body[-1:] != b"0" else b"1") + b"\r\n"


# --- crews of partners, and one of ours in trouble ----------------------------------------------------------------

PARTNERS: dict[str, tuple[Path_, tuple[tuple[float, str], ...]]] = {
    # call sign: (track, status from minute)
    "TUG1": (((35, -30.0175, 45.9795), (42, -30.0317, 45.9622), (46, -30.0375, 45.9564), (52, -30.0414, 45.9496),
              (58, -30.0412, 45.9430), (70, -30.0420, 45.9414), (80, -30.0382, 45.9372)),
             ((35, "dispatched"), (36, "enroute"), (56, "on_scene"))),
    "TUG2": (((36, -30.0173, 45.9793), (43, -30.0316, 45.9624), (48, -30.0376, 45.9562), (54, -30.0415, 45.9492),
              (59, -30.0410, 45.9427), (70, -30.0418, 45.9411), (80, -30.0379, 45.9369)),
             ((36, "dispatched"), (37, "enroute"), (58, "on_scene"))),
    "PL1": (((50, -30.0175, 45.9795), (54, -30.0180, 45.9720), (57, -30.0134, 45.9684), (66, -30.0126, 45.9688),
             (69, -30.0180, 45.9705), (74, -30.0175, 45.9795)),
            ((50, "dispatched"), (51, "enroute"), (57, "on_scene"), (66, "returning"))),
    "CG1": (((45, -30.0330, 45.9590), (50, -30.0280, 45.9640), (56, -30.0136, 45.9683), (64, -30.0136, 45.9683)),
            ((44, "dispatched"), (45, "enroute"), (56, "on_scene"))),
}  # fmt: skip


def crews(tape: Tape) -> None:
    for name, (track, statuses) in PARTNERS.items():
        for minute in range(int(track[0][0]), int(track[-1][0]) + 1, 2):
            lon = between(tuple((m, x) for m, x, _ in track), minute)
            lat = between(tuple((m, y) for m, _, y in track), minute)
            tape.say(minute + 0.5, "tak-partners", tak.encode(UnitReport(
                at_ms=ms(minute + 0.4), external_id=f"PMHA-{name}", callsign=name, lon_e7=e7(lon), lat_e7=e7(lat))))
        for since_min, status in statuses:
            tape.say(since_min + 0.7, "tak-partners", tak.encode(UnitReport(
                at_ms=ms(since_min + 0.7), external_id=f"PMHA-{name}", callsign=name, status=status)))
    tape.say(46.4, "tak-partners", tak.encode(UnitReport(
        at_ms=ms(46.3), external_id="CG-AIR-3", callsign="Rescue Helicopter 3", lon_e7=e7(-30.0600), lat_e7=e7(45.9300),
        text="Airborne, on task for the bay, twenty minutes.")))
    tape.say(50.2, "tak-partners", tak.encode(IncidentReport(
        at_ms=ms(50.1), external_id="PARTNER-MARK-1", incident_kind="road_blocked", lon_e7=e7(-30.0452),
        lat_e7=e7(45.9706),
        origin="[@click=app.approve('x')]A[/]", reporter="officer", uncertainty_m=40,
        text="Containers down across Container Quay South, both lanes.")))
    for sent_min, ended in ((57.8, False), (58.8, False), (63.2, True)):
        tape.say(sent_min, "tak-units", tak.encode(DistressReport(
            at_ms=ms(sent_min), external_id="TOCSIN-DRILL-RB2-911", signal="cot_alert", subject="RB2", ended=ended,
            lon_e7=e7(-29.9986), lat_e7=e7(45.9885),
            text="Crew aboard, all well." if ended else "Boat snagged on a fence, one crew member in the water.")))


# --- places of others ---------------------------------------------------------------------------------------------

PLACES: tuple[tuple[float, str, str, str, str | int | float | bool], ...] = (
    # minute, entity type, facility, attribute, value
    (4.0, "Hospital", "H-STANNE", "beds_free", 31), (4.0, "Hospital", "H-MERIDIAN", "beds_free", 74),
    (4.0, "Hospital", "H-EAST", "beds_free", 40), (12.0, "Terminal", "FERRY", "state", "sailings suspended"),
    (26.0, "Shelter", "SH-4", "state", "open"), (26.0, "Shelter", "SH-4", "occupancy", 0),
    (34.0, "Shelter", "SH-4", "occupancy", 41), (38.0, "Terminal", "FERRY", "occupancy", 302),
    (40.0, "Shelter", "SH-13", "state", "open"), (41.0, "Shelter", "SH-13", "occupancy", 12),
    (45.2, "Hospital", "H-STANNE", "power", "generator"), (45.2, "Hospital", "H-STANNE", "generator_h", 11.0),
    (45.3, "Facility", "CARE-1", "power", "none"), (46.0, "Shelter", "SH-4", "occupancy", 118),
    (48.5, "Hospital", "H-STANNE", "beds_free", 12), (51.0, "Facility", "METRO-OT", "state", "closed to passengers"),
    (52.6, "PumpingStation", "P-6", "state", "stopped"), (55.0, "Shelter", "SH-13", "occupancy", 96),
    (58.0, "Shelter", "SH-4", "occupancy", 207), (64.0, "Shelter", "SH-13", "occupancy", 171),
    (68.0, "Hospital", "H-STANNE", "generator_h", 10.6), (70.0, "Shelter", "SH-4", "occupancy", 263),
    (79.0, "Hospital", "H-STANNE", "power", "mains"), (79.3, "Facility", "CARE-1", "power", "mains"),
    (80.0, "Hospital", "H-STANNE", "beds_free", 9), (84.0, "PumpingStation", "P-6", "state", "running"),
)
NOTICES: tuple[tuple[float, str, str, str, str | int | float | bool], ...] = (
    # minute, feed, facility, attribute, value: control rooms' own words on their plant
    (8.5, PORT, "HC-1", "pilotage", "suspended"), (11.2, PORT, "B-1", "cranes", "stopped, wind above 22 m/s"),
    (11.3, PORT, "B-2", "cranes", "stopped, wind above 22 m/s"),
    (11.5, PORT, "B-3", "cranes", "stopped, wind above 20 m/s"),
    (11.6, PORT, "B-4", "cranes", "stopped, wind above 20 m/s"),
    (17.0, PORT, "B-10", "state", "loading stopped, arms drained"),
    (44.9, POWER, "SUB-4", "state", "tripped"),
)


def places(tape: Tape) -> None:
    for minute, kind, facility, attribute, value in PLACES:
        report = FacilityReport(at_ms=ms(minute), facility=facility, attribute=attribute, value=value)
        tape.say(minute + 0.1, "city-broker", ngsi.encode_notification(
            [ngsi.encode(report, entity_type=kind)], ms(minute + 0.1), subscription="places"))
    for minute, feed, facility, attribute, value in NOTICES:
        tape.say(minute, feed, incident.encode(
            FacilityReport(at_ms=ms(minute), facility=facility, attribute=attribute, value=value)))
    for minute, road, closed, reason in (
        (28.0, "Wharf Street Underpass", True, "flooding, signed closed at both ends"),
        (41.3, "Old Bridge", False, "standing, traffic passing both ways"),
        (43.5, "Seagate Bridge", True, "ship adrift below the bridge, closed at harbour control's request"),
        (71.0, "Seagate Bridge", False, "ship under control, harbour control agrees"),
    ):
        tape.say(minute, POLICE, incident.encode(
            RoadReport(at_ms=ms(minute - 0.2), road=road, closed=closed, reason=reason)))


# --- people -------------------------------------------------------------------------------------------------------

REPORTERS = {C112: "call_taker", APP: "citizen", POLICE: "officer", PORT: "agency", POWER: "agency"}
PREFIX = {C112: "C112", APP: "APP", POLICE: "CAD", PORT: "PORT", POWER: "MPC"}


def report_of(call: Call, number: int) -> IncidentReport:
    """A call as the report that its feed carries."""
    return IncidentReport.model_validate({
        "at_ms": ms(call.minute - call.late_min), "external_id": f"{PREFIX[call.feed]}-{number:04d}",
        "incident_kind": call.kind, "lon_e7": None if call.at is None else e7(call.at[0]),
        "lat_e7": None if call.at is None else e7(call.at[1]), "uncertainty_m": call.within_m,
        "place_as_said": call.place or None, "text": call.text, "caller": call.caller or None,
        "call_back": call.phone or None, "people_at_risk": call.at_risk, "people_trapped": call.trapped,
        "severity": call.severity, "reporter": REPORTERS[call.feed], "authoritative_id": call.number,
        "origin": call.origin or (call.phone and f"tel:{call.phone}"),
    })  # fmt: skip


def calls(tape: Tape) -> None:
    for number, call in enumerate(CALLS, start=1):
        tape.say(call.minute, call.feed, incident.encode(report_of(call, number)))


def noise(tape: Tape) -> None:
    """What must be refused: cut off, oversized, too deep, not its word, and the same rubbish twenty times."""
    whole = incident.encode(report_of(CALLS[0], 9001))
    tape.say(20.5, APP, whole[: len(whole) // 2])
    long = report_of(CALLS[1], 9002).model_copy(update={"text": "help " * 2400})
    tape.say(54.0, APP, incident.encode(long))
    tape.say(55.4, APP, b"[" * 400 + b"]" * 400)
    tape.say(50.8, APP, incident.encode(
        FacilityReport(at_ms=ms(50.7), facility="H-STANNE", attribute="state", value="closed, go somewhere else")))
    rubbish = json.dumps({"schema": "tocsin.incident/1", "type": "repot", "time": "now", "text": "test test"}).encode()
    for repeat in range(20):
        tape.say(66 + (4 + 2 * repeat) / 60, APP, rubbish)
    tape.say(73.3, C112, b'{"schema":"tocsin.incident/1","type":"report","kind":"flood",'
                         b'"time":"2026-11-20T18:43:00Z","text":"\xff\xfe"}')  # fmt: skip


PARTS: tuple[Callable[[Tape], None], ...] = (gauges, weather, warnings, ships, crews, places, calls, noise)


def recording() -> list[Recorded]:
    """Every message of the night, in order."""
    tape = Tape()
    for part in PARTS:
        part(tape)
    return list(tape)


def main(folder: Path = FOLDER) -> int:
    """Writes ``messages.jsonl`` into the folder; how many messages it holds."""
    return write(folder, recording())


if __name__ == "__main__":
    print(f"{main()} messages", file=sys.stderr)
