"""Reports on each wire's grid: what the wire can carry without loss, as ``parse(render(x)) == x`` needs."""

from __future__ import annotations

from hypothesis import strategies as st

from picture.reports import (
    INCIDENT_KINDS,
    AlertMessage,
    DistressReport,
    FacilityReport,
    IncidentReport,
    Observation,
    Report,
    RequestReply,
    RoadReport,
    UnitReport,
    VesselReport,
)

at_ms = st.integers(1_500_000_000_000, 1_900_000_000_000)
whole_s = st.integers(1_500_000_000, 1_900_000_000).map(lambda s: s * 1000)
lon_e7 = st.integers(-1_800_000_000, 1_800_000_000)
lat_e7 = st.integers(-900_000_000, 900_000_000)
# At exactly 0, 0 CoT cannot tell a place from none.
position = st.one_of(st.just((None, None)), st.tuples(lon_e7, lat_e7).filter(any))
json_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60)
line = words.map(lambda text: " ".join(text.split())).filter(lambda text: text == text.strip())
name = line.filter(bool).map(lambda text: text[:80].strip()).filter(bool)
slug = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True)
snake = st.from_regex(r"[a-z]{2,8}(_[a-z]{2,8}){0,2}", fullmatch=True)
kinds = st.sampled_from(sorted(INCIDENT_KINDS))
optional = st.none
people = st.none() | st.integers(0, 10_000)
speed = st.none() | st.integers(0, 400_000)
course = st.none() | st.integers(0, 35_999)


@st.composite
def placed(draw: st.DrawFn, model: type[Report], **fields: st.SearchStrategy[object]) -> Report:
    """A report of this model with a position, or none."""
    lon, lat = draw(position)
    return model(at_ms=draw(at_ms), lon_e7=lon, lat_e7=lat, **{key: draw(each) for key, each in fields.items()})


def _maybe(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | texts.filter(bool)


# --- incident ----------------------------------------------------------------------------------------

incident_json = st.one_of(
    placed(
        IncidentReport, external_id=json_text, incident_kind=kinds, uncertainty_m=st.integers(0, 100_000),
        place_as_said=st.none() | json_text, text=st.none() | json_text, caller=st.none() | json_text,
        call_back=st.none() | json_text, people_at_risk=people, people_trapped=st.booleans(),
        severity=st.none() | st.integers(1, 4), authoritative_id=json_text, origin=json_text,
        reporter=st.sampled_from(["call_taker", "citizen", "officer", "agency", "sensor"]),
    ),
    st.builds(
        FacilityReport, at_ms=at_ms, external_id=json_text, facility=json_text, attribute=json_text,
        value=json_text | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
        | st.booleans(),
    ),
    placed(RoadReport, road=json_text, closed=st.booleans(), reason=json_text),
    st.builds(
        RequestReply, at_ms=at_ms, request=json_text, text=st.none() | json_text,
        answer=st.sampled_from(["accepted", "refused", "countered", "done"]),
        terms=st.dictionaries(json_text, json_text, max_size=4).map(lambda terms: tuple(terms.items())),
    ),
    placed(UnitReport, callsign=json_text, speed_mmps=speed, course_cdeg=course, status=st.none() | json_text,
           text=st.none() | json_text),
)  # fmt: skip

# --- sensors -----------------------------------------------------------------------------------------

_measures = st.sampled_from([
    ("water_level", "m", -50.0, 100.0), ("wind_speed", "m/s", 0.0, 150.0), ("wind_direction", "deg", 0.0, 360.0),
    ("air_temperature", "degC", -95.0, 70.0), ("gas_concentration", "ppm", 0.0, 1e6), ("flow", "m3/s", -4e5, 4e5),
])  # fmt: skip


@st.composite
def observation(draw: st.DrawFn, ngsi: bool = False) -> Observation:
    quantity, unit, low, high = draw(_measures)
    lon, lat = draw(position)
    sensor = draw(slug)
    kind = "WaterObserved" if quantity in ("water_level", "flow") else "WeatherObserved"
    return Observation(
        at_ms=draw(at_ms), sensor=sensor, quantity=quantity, unit=unit, value=draw(st.floats(low, high)),
        lon_e7=lon, lat_e7=lat, external_id=f"urn:ngsi-ld:{kind}:{sensor}" if ngsi else draw(json_text),
    )  # fmt: skip


# --- ngsi --------------------------------------------------------------------------------------------


_NOT_FACTS = ("name", "source", "owner", "category", "scope", "id", "type", "description", "address", "location")


@st.composite
def _facility(draw: st.DrawFn) -> FacilityReport:
    name = draw(slug)
    value = draw(line | st.integers(-(10**15), 10**15) | st.booleans() | st.floats(-1e9, 1e9))
    attribute = draw(snake.filter(lambda each: each not in _NOT_FACTS))
    return FacilityReport(
        at_ms=draw(at_ms), external_id=f"urn:ngsi-ld:Facility:{name}", facility=name, attribute=attribute, value=value
    )


ngsi = st.one_of(
    _facility(),
    observation(ngsi=True),
    placed(RoadReport, external_id=slug.map("urn:ngsi-ld:RoadSegment:{}".format), road=name, closed=st.booleans(),
           reason=line),
    placed(
        IncidentReport, external_id=slug.map("urn:ngsi-ld:Alert:{}".format), incident_kind=kinds, text=_maybe(line),
        place_as_said=_maybe(line), severity=st.none() | st.integers(1, 4), origin=line,
        people_at_risk=people, people_trapped=st.booleans(), reporter=st.just("agency"),
    ),
)  # fmt: skip

# --- tak ---------------------------------------------------------------------------------------------

_uid = slug
tak = st.one_of(
    placed(UnitReport, external_id=_uid, callsign=name, speed_mmps=speed, course_cdeg=course, status=_maybe(line),
           text=_maybe(line)),
    placed(DistressReport, external_id=_uid, signal=st.just("cot_alert"), subject=name, ended=st.booleans(),
           text=_maybe(line)),
    st.builds(
        IncidentReport, at_ms=at_ms, external_id=_uid, incident_kind=kinds, lon_e7=lon_e7, lat_e7=st.integers(1, 10),
        uncertainty_m=st.integers(0, 100_000), text=_maybe(line), people_at_risk=people,
        people_trapped=st.booleans(), reporter=st.just("officer"), origin=line,
    ),
)  # fmt: skip

# --- ais ---------------------------------------------------------------------------------------------

mmsi = st.integers(201_000_000, 775_999_999)
_grid_lon = st.integers(-108_000_000, 108_000_000).map(lambda raw: round(raw * 10_000_000 / 600_000))
_grid_lat = st.integers(-54_000_000, 54_000_000).map(lambda raw: round(raw * 10_000_000 / 600_000))
six_bit = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x5F, exclude_characters="@"),
                  min_size=1, max_size=20)  # fmt: skip
# pyais reads the reserved types (25 to 28, 45 to 48 …) as the first of their row.
_ship_types = st.sampled_from([30, 35, 36, 37, 51, 52, 55, 58, 60, 69, 70, 71, 79, 80, 84, 89, 90, 99])
_moving = st.builds(
    VesselReport, at_ms=at_ms, mmsi=mmsi, lon_e7=_grid_lon, lat_e7=_grid_lat,
    speed_mmps=st.none() | st.integers(0, 1022).map(lambda raw: round(raw * 463 / 9)),
    course_cdeg=st.none() | st.integers(0, 3599).map(lambda raw: raw * 10),
    heading_deg=st.none() | st.integers(0, 359), nav_status=st.none() | st.integers(0, 13),
)  # fmt: skip
_particulars = st.builds(
    VesselReport, at_ms=at_ms, mmsi=mmsi, name=six_bit, ship_type=st.none() | _ship_types,
    length_m=st.none() | st.integers(1, 1022), draught_dm=st.none() | st.integers(1, 255),
    destination=st.none() | six_bit,
)  # fmt: skip
_beacon = st.sampled_from([("970", "ais_sart"), ("972", "ais_mob"), ("974", "ais_epirb")])
_signal = st.tuples(_beacon, st.integers(0, 999_999), at_ms, _grid_lon, _grid_lat, st.booleans()).map(
    lambda drawn: DistressReport(
        at_ms=drawn[2], signal=drawn[0][1], subject=f"{drawn[0][0]}{drawn[1]:06d}", lon_e7=drawn[3], lat_e7=drawn[4],
        ended=drawn[5],
    )
)  # fmt: skip
ais = st.one_of(_moving, _particulars, _signal)

# --- cap ---------------------------------------------------------------------------------------------


@st.composite
def _ring(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    corners = draw(st.lists(st.tuples(lon_e7, lat_e7), min_size=3, max_size=6))
    return (*corners, corners[0])


@st.composite
def cap(draw: st.DrawFn) -> AlertMessage:
    sent = draw(whole_s)
    rings = tuple(draw(st.lists(_ring(), max_size=3)))
    later = draw(st.sampled_from(["Alert", "Update", "Cancel"]))
    return AlertMessage(
        at_ms=sent, sent_ms=sent, external_id=draw(slug), sender=draw(slug.map("{}@example.org".format)),
        status=draw(st.sampled_from(["Actual", "Exercise", "System", "Test", "Draft"])), msg_type=later,
        references=() if later == "Alert" else (f"a@b,{draw(slug)},2026-11-20T18:04:05-00:00",),
        event=draw(name), urgency=draw(st.sampled_from(["Immediate", "Expected", "Unknown"])),
        severity=draw(st.sampled_from(["Extreme", "Minor", "Unknown"])),
        certainty=draw(st.sampled_from(["Observed", "Unlikely", "Unknown"])),
        headline=draw(line), description=draw(_maybe(line)), area=draw(name) if rings else draw(line), rings=rings,
        effective_ms=draw(st.none() | whole_s), expires_ms=draw(st.none() | whole_s),
        parameters=tuple(draw(st.lists(st.tuples(name, line), max_size=3))),
    )  # fmt: skip
