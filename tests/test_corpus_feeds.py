"""Every recorded message of real senders is either read or refused with a code of the catalogue, within a second."""

from __future__ import annotations

import re
import time
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from feeds.ais.source import SentenceFramer
from feeds.base import FeedContext
from feeds.cap import codec as cap
from feeds.config import load
from feeds.intake import Accepted, Intake
from feeds.registry import installed
from picture.errors import CATALOGUE, InputError
from picture.reports import AlertMessage, Observation, Report

RECEIVED_MS = 1_700_000_000_000
CONTEXT = FeedContext("corpus", RECEIVED_MS)
_FOLDERS = {"cap": ("cap", "*"), "ngsi": ("ngsi-ld", "*.json*"), "sensorthings": ("sensorthings", "*.json"),
            "ais": ("ais", "*"), "tak": ("cot", "*"),
            "nws": ("nws", "*.json"), "gtfs": ("gtfs-rt", "*.pb"), "datex": ("datex2", "*.xml")}  # fmt: skip


def _outcome(wire: str, data: bytes) -> Counter[str]:
    """How many messages of a body were read, and how many refused, by code."""
    names = {"Datastream(7)": "TG-1/counts"}  # the OGC suite leaves the stream's number open
    intake = Intake(load({"id": "corpus", "wire": wire, "max_bytes": 1_000_000, "names": names}), installed())
    messages = intake.read(re.sub(rb"\$[A-Z_-]+", b"7", data) if wire == "sensorthings" else data, RECEIVED_MS).messages
    return Counter("read" if isinstance(each, Accepted) else each.error.code for each in messages)


@pytest.mark.parametrize("wire", sorted(_FOLDERS))
def test_every_file_of_the_corpus_is_read_or_refused_by_code(wire: str, corpus: Path) -> None:
    folder, pattern = _FOLDERS[wire]
    files = sorted(path for path in (corpus / folder).rglob(pattern) if path.is_file())
    assert len(files) > 5
    total: Counter[str] = Counter()
    for path in files:
        started = time.perf_counter()
        outcome = _outcome(wire, path.read_bytes())
        assert time.perf_counter() - started < 1.0, path.name
        assert set(outcome) <= {"read", *CATALOGUE}, path.name
        total += outcome
    assert total["read"] > 0 and len(total) > 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("xee.cap", "TOC-2005"), ("canada_errors.cap", "TOC-2003"), ("invalid.cap", "TOC-2003"),
        ("noaa_errors.cap", "TOC-2006"), ("weather.atom", "TOC-2006"), ("xee.atom", "TOC-2005"),
    ],
)  # fmt: skip
def test_hostile_and_broken_cap_files_are_refused_for_what_they_are(name: str, code: str, corpus: Path) -> None:
    with pytest.raises(InputError) as refused:
        cap.decode((corpus / "cap/google-cap-library" / name).read_bytes(), CONTEXT)
    assert refused.value.code == code


@pytest.mark.parametrize("name", ["australia.cap", "canada.cap", "canada_signed.cap", "wcatwc-warning.cap"])
def test_real_cap_warnings_are_read(name: str, corpus: Path) -> None:
    (alert,) = cap.decode((corpus / "cap/google-cap-library" / name).read_bytes(), CONTEXT)
    assert isinstance(alert, AlertMessage)
    assert alert.external_id and alert.event and alert.area


@pytest.mark.parametrize("schema", ["schema-wmo/CAP-v1.2-schema.xsd", "schema-google/cap12.xsd"])
@pytest.mark.parametrize("msg_type", ["Alert", "Update", "Cancel"])
def test_our_cap_is_valid_against_the_published_schema(schema: str, msg_type: str, corpus: Path) -> None:
    xsd = etree.XMLSchema(etree.parse(str(corpus / "cap" / schema)))
    ring = ((40_000_000, 520_000_000), (41_000_000, 520_000_000), (41_000_000, 521_000_000), (40_000_000, 520_000_000))
    alert = AlertMessage(
        at_ms=RECEIVED_MS, sent_ms=RECEIVED_MS, external_id="tocsin-1", sender="duty@meridian.example",
        status="Exercise", msg_type=msg_type, headline="EXERCISE Surge at the Old Quay", description="Move up.",
        references=() if msg_type == "Alert" else ("duty@meridian.example,tocsin-0,2023-11-14T22:00:00-00:00",),
        event="" if msg_type == "Cancel" else "Storm surge", area="Old Quay", rings=(ring,),
        effective_ms=RECEIVED_MS, expires_ms=RECEIVED_MS + 3_600_000, parameters=(("level_m", "2.1"),),
    )  # fmt: skip
    data = cap.encode(alert, scope="Private", addresses="fire police", category="Met", response_type="Evacuate",
                      sender_name="Port Meridian", instruction="Go inland.", contact="112")  # fmt: skip
    xsd.assertValid(etree.fromstring(data))


def test_all_lines_that_aislib_and_pyais_keep_as_good_are_assembled_without_loss(corpus: Path) -> None:
    data = (corpus / "ais/pyais/nmea_data_sample.txt").read_bytes()
    sentences = len(re.findall(rb"!AIVDM", data))
    messages = SentenceFramer().push(data)
    assert sum(message.count(b"!AIVDM") for message in messages) >= sentences * 0.95


def test_a_tag_block_gives_the_time_of_both_parts(corpus: Path) -> None:
    data = (corpus / "ais/libais/tagblock.nmea").read_bytes()
    intake = Intake(load({"id": "ships", "wire": "ais"}), installed())
    times = {report.at_ms for report in intake.read(data, RECEIVED_MS).reports}
    assert 1_418_169_601_000 in times and RECEIVED_MS not in times


def test_field_team_positions_captured_from_atak_are_read(corpus: Path) -> None:
    text = (corpus / "cot/atak-civ/commoncommo/core/atakcotcaptures.txt").read_bytes()
    events = re.findall(rb"<event .*?</event>", text, re.DOTALL)
    intake = Intake(load({"id": "teams", "wire": "tak"}), installed())
    found: list[Report] = [report for event in events for report in intake.read(event, RECEIVED_MS).reports]
    assert {getattr(report, "callsign", "") for report in found} >= {"GEMINI"}


def test_observations_of_the_ogc_test_suite_are_read_once_their_stream_is_named(corpus: Path) -> None:
    folder = corpus / "sensorthings/ogc-ets-sta10/observations"
    data = (folder / "linkedDataStream.json").read_bytes().replace(b"$DATASTREAM-ID", b"7")
    names = {"Datastream(7)": "TG-OLDQUAY/water_level/m"}
    intake = Intake(load({"id": "gauges", "wire": "sensorthings", "names": names}), installed())
    (level,) = intake.read(data, RECEIVED_MS).reports
    assert isinstance(level, Observation) and (level.sensor, level.value) == ("TG-OLDQUAY", 55.0)
