"""AIS messages (ITU-R M.1371-5) both ways, as NMEA 0183 lines; pyais reads and writes the bits.

Read: 1, 2, 3, 5, 14, 18, 19, 24, 27. A beacon (MMSI 970 AIS-SART, 972 man overboard, 974 EPIRB) or navigational status
14 is a ``DistressReport``, as is a safety text with MAYDAY. "Not available" in a field is None, never a number.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pyais import encode_dict
from pyais.exceptions import AISBaseException

from feeds import fields
from feeds.ais.sentences import Assembler, Part, is_comment, part, whole
from feeds.base import FeedContext
from feeds.fields import IMPOSSIBLE, UNREAD, refuse
from picture.errors import InputError
from picture.reports import DistressReport, IncidentReport, Report, VesselReport

_MALFORMED: Final = "TOC-2002"
_READ: Final = frozenset({1, 2, 3, 5, 14, 18, 19, 24, 27})
_BITS: Final = {1: 149, 2: 149, 3: 149, 5: 420, 14: 40, 18: 148, 19: 300, 24: 160, 27: 95}
"""Fewest bits with which every field we use is there."""
_STATUS_SART_ACTIVE: Final = 14
_STATUS_UNDEFINED: Final = 15
Signal = Literal["ais_sart", "ais_mob", "ais_epirb"]
BEACONS: Final[dict[str, Signal]] = {"970": "ais_sart", "972": "ais_mob", "974": "ais_epirb"}
"""First three digits of a beacon's MMSI -> our signal (ITU-R M.585)."""
_WORDS: Final = (
    ("ADRIFT", "vessel_adrift"), ("DRAGGING", "vessel_adrift"), ("NOT UNDER COMMAND", "vessel_adrift"),
    ("OVERBOARD", "person_in_water"), ("MOB", "person_in_water"), ("FIRE", "fire"),
)  # fmt: skip


# --- in ----------------------------------------------------------------------------------------------


def decode(data: bytes, context: FeedContext) -> tuple[Report, ...]:
    """The reports in whole messages, one NMEA line each part; comments and blank lines are passed over.

    ``at_ms`` is the receiver's time in the tag block, else the time of receipt. Among several messages one of a type
    that is not read is skipped and noted; alone it is TOC-2006.

    Raises:
        InputError: TOC-2002 broken line, checksum or missing part, TOC-2003 too short, TOC-2006, TOC-2009.
    """
    if len(data) > context.limits.max_bytes:
        raise InputError(f"{len(data)} bytes; {context.limits.max_bytes} are allowed.", code="TOC-2001")
    lines = [line for line in data.splitlines() if not is_comment(line)]
    if len(lines) > context.limits.max_parts:
        raise InputError(f"{len(lines)} lines; {context.limits.max_parts} are allowed.", code="TOC-2004")
    assembler = Assembler()
    messages = [parts for line in lines if (parts := assembler.add(part(line)))]
    if not messages or assembler.waiting:
        refuse("sentence", "a part of the message is missing", _MALFORMED)
    reports: list[Report] = []
    for parts in messages:
        try:
            reports.append(_report(parts, context))
        except InputError as error:
            if error.code != UNREAD or len(messages) == 1:
                raise
            context.skip(error.detail)
    return tuple(reports)


def _report(parts: tuple[Part, ...], context: FeedContext) -> Report:
    at_ms = next((piece.at_ms for piece in parts if piece.at_ms is not None), context.received_ms)
    bits = sum(len(piece.sentence.payload) * 6 for piece in parts) - parts[-1].sentence.fill_bits
    sentence = whole(parts)
    kind = int(sentence.ais_id)
    if kind not in _READ:
        refuse("message type", f"{kind} is not read", UNREAD)
    if bits < _BITS[kind]:
        refuse(f"message {kind}", f"only {bits} bits long")
    try:
        message = sentence.decode().asdict(enum_as_int=True)
    except (AISBaseException, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise InputError(f"message {kind}: {type(error).__name__}", code=_MALFORMED) from None
    mmsi = message["mmsi"]
    if not isinstance(mmsi, int) or not 1 <= mmsi <= 999_999_999:
        refuse(f"message {kind}.mmsi", "not 1 to 999999999", IMPOSSIBLE)
    if kind == 14:
        return _safety_text(mmsi, str(message["text"] or "").strip(), at_ms)
    if _signal(mmsi) or message.get("status") == _STATUS_SART_ACTIVE:
        return _beacon(mmsi, message, kind, at_ms)
    return _vessel(mmsi, message, kind, at_ms)


def _vessel(mmsi: int, message: dict[str, Any], kind: int, at_ms: int) -> VesselReport:
    lon_e7, lat_e7 = _position(message, kind)
    status = message.get("status")
    return fields.build(
        VesselReport, f"message {kind}", at_ms=at_ms, mmsi=mmsi, lon_e7=lon_e7, lat_e7=lat_e7,
        name=_words(message, "shipname"), ship_type=message.get("ship_type") or None,
        speed_mmps=_speed(message, kind), course_cdeg=_course(message), heading_deg=_heading(message),
        nav_status=None if status in (None, _STATUS_UNDEFINED) else status, length_m=_length(mmsi, message),
        draught_dm=round((message.get("draught") or 0) * 10) or None, destination=_words(message, "destination"),
    )  # fmt: skip


def _beacon(mmsi: int, message: dict[str, Any], kind: int, at_ms: int) -> DistressReport:
    """A beacon heard. Status 15 is how a SART under test reports (IEC 61097-14); only a person decides on it."""
    lon_e7, lat_e7 = _position(message, kind)
    return fields.build(
        DistressReport, f"message {kind}", at_ms=at_ms, signal=_signal(mmsi) or "ais_sart", subject=f"{mmsi:09d}",
        ended=message.get("status") == _STATUS_UNDEFINED, lon_e7=lon_e7, lat_e7=lat_e7,
    )  # fmt: skip


def _safety_text(mmsi: int, text: str, at_ms: int) -> DistressReport | IncidentReport:
    signal = _signal(mmsi)
    upper = text.upper()
    if signal or "MAYDAY" in upper:
        return DistressReport(
            at_ms=at_ms, signal=signal or "mayday", subject=f"{mmsi:09d}", text=text or None,
            ended=bool(signal) and "TEST" in upper,
        )  # fmt: skip
    kind = next((kind for word, kind in _WORDS if word in upper), "other")
    return IncidentReport(
        at_ms=at_ms, incident_kind=kind, text=text or None, reporter="agency", origin=f"{mmsi:09d}",
        uncertainty_m=100_000,
    )  # fmt: skip


def _signal(mmsi: int) -> Signal | None:
    return BEACONS.get(f"{mmsi:09d}"[:3])


def _position(message: dict[str, Any], kind: int) -> tuple[int | None, int | None]:
    """(lon, lat) in 1e-7 degrees; 181 and 91 mean "not available"."""
    lon, lat = message.get("lon"), message.get("lat")
    if lon is None or lat is None or lon == 181 or lat == 91:
        return None, None
    fields.e7(lon, lat, f"message {kind} position")
    per_degree = 600 if kind == 27 else 600_000
    lon_e7, lat_e7 = (round(round(value * per_degree) * fields.E7 / per_degree) for value in (lon, lat))
    return lon_e7, lat_e7


def _speed(message: dict[str, Any], kind: int) -> int | None:
    """Millimetres a second from tenths of a knot (0.1 kn = 463/9 mm/s)."""
    speed = message.get("speed")
    if speed is None or speed >= (63 if kind == 27 else 102.3):
        return None
    tenths = round(float(speed) * 10)
    return round(tenths * 463 / 9)


def _course(message: dict[str, Any]) -> int | None:
    course = message.get("course")
    return None if course is None or course >= 360 else round(float(course * 10)) * 10


def _heading(message: dict[str, Any]) -> int | None:
    heading = message.get("heading")
    return None if heading is None or heading >= 360 else int(heading)


def _length(mmsi: int, message: dict[str, Any]) -> int | None:
    """Bow to stern; a craft of a mother ship (MMSI 98…) sends her MMSI in these bits instead (type 24)."""
    if mmsi // 10_000_000 == 98 and message["msg_type"] == 24:
        return None
    return int(message.get("to_bow") or 0) + int(message.get("to_stern") or 0) or None


def _words(message: dict[str, Any], name: str) -> str | None:
    return str(message.get(name) or "").strip(" @") or None


# --- out ---------------------------------------------------------------------------------------------


def encode(report: VesselReport | DistressReport) -> bytes:
    """NMEA lines with a tag block: type 1 for what moves, type 5 for particulars, both where both are there.

    AIS carries capitals of six-bit ASCII (names and destinations of 20), tenths of a knot and of a degree, 1/10,000
    of a minute: finer values are rounded, other letters refused. A text of a distress goes out as type 14.

    Raises:
        InputError: TOC-2003 where AIS cannot carry a text.
    """
    if isinstance(report, DistressReport):
        return _encode_distress(report)
    lines: list[bytes] = []
    particulars = (report.name, report.ship_type, report.length_m, report.draught_dm, report.destination)
    if any(value is not None for value in particulars):
        lines.append(_message(_particulars(report), report.at_ms))
    moving = (report.lon_e7, report.speed_mmps, report.course_cdeg, report.heading_deg, report.nav_status)
    if any(value is not None for value in moving) or not lines:
        lines.append(_message(_movement(report), report.at_ms))
    return b"".join(lines)


def encode_text(mmsi: int, text: str, at_ms: int) -> bytes:
    """A safety-related broadcast (type 14) of at most 161 capitals."""
    if not text:
        refuse("text", "empty")
    return _message({"type": 14, "mmsi": mmsi, "text": _six_bit(text, 161, "text")}, at_ms)


def _encode_distress(report: DistressReport) -> bytes:
    mmsi = int(report.subject)
    lines = encode_text(mmsi, report.text, report.at_ms) if report.text else b""
    if report.lon_e7 is None and lines:
        return lines
    status = _STATUS_UNDEFINED if report.ended else _STATUS_SART_ACTIVE
    moved = VesselReport(at_ms=report.at_ms, mmsi=mmsi, lon_e7=report.lon_e7, lat_e7=report.lat_e7, nav_status=status)
    return lines + _message(_movement(moved), report.at_ms)


def _movement(report: VesselReport) -> dict[str, Any]:
    """Fields of a type 1. A hundredth of a step is added where pyais would cut 0.1 × n off to n - 1."""
    known = report.lon_e7 is not None and report.lat_e7 is not None
    return {
        "type": 1, "mmsi": report.mmsi, "turn": -128, "second": report.at_ms // 1000 % 60,
        "status": _STATUS_UNDEFINED if report.nav_status is None else report.nav_status,
        "lon": (report.lon_e7 or 0) / fields.E7 if known else 181.0,
        "lat": (report.lat_e7 or 0) / fields.E7 if known else 91.0,
        "speed": 102.3 if report.speed_mmps is None else (round(report.speed_mmps * 9 / 463) + 0.01) / 10,
        "course": 360.0 if report.course_cdeg is None else (round(report.course_cdeg / 10) % 3600 + 0.01) / 10,
        "heading": 511 if report.heading_deg is None else report.heading_deg,
    }  # fmt: skip


def _particulars(report: VesselReport) -> dict[str, Any]:
    length_m = report.length_m or 0
    return {
        "type": 5, "mmsi": report.mmsi, "shipname": _six_bit(report.name or "", 20, "name"),
        "ship_type": report.ship_type or 0, "to_bow": min(length_m, 511), "to_stern": max(length_m - 511, 0),
        "draught": ((report.draught_dm or 0) + 0.01) / 10,
        "destination": _six_bit(report.destination or "", 20, "destination"),
    }  # fmt: skip


def _six_bit(text: str, limit: int, field: str) -> str:
    upper = text.upper()
    if len(upper) > limit or any(not " " <= letter <= "_" for letter in upper):
        refuse(field, f"AIS carries at most {limit} capitals, digits and common marks")
    return upper


def _message(values: dict[str, Any], at_ms: int) -> bytes:
    """Lines of one message, each with the time in its tag block."""
    clock = f"c:{at_ms // 1000}" if at_ms % 1000 == 0 else f"c:{at_ms:013d}"
    total = 0
    for byte in clock.encode("ascii"):
        total ^= byte
    sequence = values["mmsi"] % 10
    lines = encode_dict(values, talker_id="AI", sentence_type="VDM", seq_id=sequence)
    return "".join(f"\\{clock}*{total:02X}\\{line}\r\n" for line in lines).encode("ascii")
