"""The city's facilities and who answers for them: hospitals, stations, schools, shelters, works, full buildings."""

from __future__ import annotations

import numpy as np

from twin.city import plan
from twin.city.places import Record, Spot, Surveyor

AGENCIES = [
    ("MFD", "Meridian Fire Department", "fire"),
    ("MPD", "Meridian Police Department", "police"),
    ("MEMS", "Meridian Emergency Medical Service", "ems"),
    ("PMHA", "Port Meridian Harbour Authority", "port"),
    ("MPOWER", "Meridian Power", "power"),
    ("MWATER", "Meridian Water", "water"),
    ("EOC", "Port Meridian Emergency Operations Centre", "emergency_management"),
    ("CG", "Meridian Coastguard", "coastguard"),
    ("MTRANSIT", "Meridian Transit", "transit"),
    ("MHEALTH", "Meridian Health", "health"),
    ("MWORKS", "Meridian Public Works", "public_works"),
]
# id, name, x, y, beds, emergency department, generator hours, battery hours, staff by day and night
HOSPITALS = [
    ("H-STANNE", "St Anne's Hospital", -930, -900, 410, True, 24, 2, 900, 380),
    ("H-MERIDIAN", "Meridian General Hospital", -700, 3050, 980, True, 96, 4, 2600, 1100),
    ("H-EAST", "Eastfield Hospital", 3950, -560, 520, True, 72, 3, 1300, 560),
    ("H-WEST", "Stonebridge Clinic", -6500, 900, 190, False, 48, 2, 420, 160),
    ("H-CHILD", "Beacon Children's Hospital", 1500, 3300, 230, True, 72, 4, 700, 310),
]
FIRE_STATIONS = [
    ("FS-1", "Fire Station 1, Ramparts", -1350, 250),
    ("FS-2", "Fire Station 2, Southbank", 1150, -850),
    ("FS-3", "Fire Station 3, Northgate", -900, 3750),
    ("FS-4", "Fire Station 4, Westmoor", -3900, 50),
    ("FS-5", "Fire Station 5, Eastfield", 3900, 150),
    ("FS-6", "Fire Station 6, Container Port", -3700, -1500),
    ("FS-7", "Fire Station 7, Quarry Bank", 6800, 3450),
    ("FS-8", "Fire Station 8, Thornleigh", 4600, -4250),
]
POLICE_STATIONS = [
    ("PS-1", "Police Headquarters, Exchange", 1150, 1450),
    ("PS-2", "Westquay Police Station", -2300, -250),
    ("PS-3", "Southbank Police Station", 700, -1500),
    ("PS-4", "Northfield Police Station", -1200, 4500),
    ("PS-5", "Staveley Police Station", 6900, -850),
]
AMBULANCE_STATIONS = [
    ("AS-1", "Ambulance Station Centre", -1200, 1050),
    ("AS-2", "Ambulance Station East", 3400, -700),
    ("AS-3", "Ambulance Station West", -4400, 500),
    ("AS-4", "Ambulance Station North", 400, 4400),
]
# id, kind, name, x, y, agency, people by day and night, details
OTHERS: list[tuple[str, str, str, float, float, str, int, int, Record]] = [
    ("EOC-1", "eoc", "City Emergency Operations Centre", 900, 2050, "EOC", 60, 8, {"generator_h": 72}),
    ("HC-1", "harbour_control", "Harbour Control Tower", -1480, -2080, "PMHA", 14, 6, {"vhf_channels": [12, 16]}),
    ("CG-1", "coastguard", "Coastguard Station Seagate", -2520, -4700, "CG", 18, 9, {}),
    ("U-YARD", "utility_depot", "Meridian Power Depot", 3300, 700, "MPOWER", 90, 12, {}),
    ("W-YARD", "utility_depot", "Meridian Water Depot", -3000, 1500, "MWATER", 70, 8, {}),
    ("PW-YARD", "public_works", "Public Works Yard", 4300, -1950, "MWORKS", 60, 4, {}),
    (
        "HALDEN",
        "chemical_plant",
        "Halden Chemicals",
        1150,
        -4850,
        "EOC",
        210,
        45,
        {
            "substances": [
                {"name": "ammonia", "un": 1005, "most_t": 1200},
                {"name": "chlorine", "un": 1017, "most_t": 90},
            ],
            "hotline": "gatehouse",
            "storage": "refrigerated ammonia tank, chlorine drums",
        },
    ),
    (
        "TANKS",
        "fuel_depot",
        "Halden Fuel Terminal",
        400,
        -4600,
        "PMHA",
        40,
        10,
        {"substances": [{"name": "petrol", "un": 1203, "most_t": 22000}]},
    ),
    ("METRO-OT", "metro_station", "Old Town Metro Station", -560, -420, "MTRANSIT", 900, 20, {"below_ground": True}),
    ("METRO-EX", "metro_station", "Exchange Metro Station", 1250, 1750, "MTRANSIT", 1400, 25, {"below_ground": True}),
    ("METRO-WQ", "metro_station", "Westquay Metro Station", -2150, -480, "MTRANSIT", 500, 10, {"below_ground": True}),
    ("STATION", "rail_station", "Meridian Central Station", -1500, 1650, "MTRANSIT", 2600, 80, {}),
    ("FERRY", "ferry_terminal", "Ferry Terminal", -1650, -1930, "PMHA", 650, 30, {}),
    ("STADIUM", "stadium", "Meridian Stadium", -2180, 2900, "MPD", 120, 10, {"seats": 31_000}),
    ("CITYHALL", "city_hall", "City Hall", -480, 80, "EOC", 420, 15, {}),
    ("MARKET", "market", "Fishmarket Hall", -720, -1010, "EOC", 350, 10, {}),
    ("UNI", "university", "Meridian University", 500, 1550, "EOC", 6200, 300, {}),
    ("AIRPORT", "airport", "Meridian Airfield", 9500, -1000, "MTRANSIT", 800, 60, {}),
    ("PRISON", "prison", "Gorse Hill Prison", 5300, -5100, "MPD", 760, 690, {}),
    ("TELECOM", "telecom", "Exchange Telephone House", 1450, 1500, "EOC", 60, 12, {"generator_h": 36, "battery_h": 6}),
]
CARE_HOMES = [
    ("Quayside House", -820, -870, 64),
    ("Tidewater Lodge", 900, -1150, 82),
    ("Linden Court", 900, 3550, 70),
    ("Abbeyfields House", -3200, 2000, 55),
    ("Larkhill Grange", 3500, 4400, 90),
    ("Sandhaven View", -6300, -900, 75),
    ("Holmwood Hall", 6600, -1900, 60),
    ("Priory Gardens", -2300, 3500, 58),
    ("Cornhill House", 3500, 2200, 66),
    ("Shipwrights Court", -50, -1750, 48),
]
LOW_BUILDINGS = [
    ("Custom House Offices", "offices", -560, -1060, 380, 6),
    ("Merchant Wharf Apartments", "apartments", -760, -1240, 90, 310),
    ("Wharf Street Apartments", "apartments", -860, -950, 70, 240),
    ("Old Dock Lofts", "apartments", -1500, -1250, 110, 360),
    ("Ropery Buildings", "apartments", -1050, -1400, 60, 190),
    ("Shipwrights Quay Flats", "apartments", 60, -1300, 85, 290),
    ("Maritime Museum", "museum", -420, -900, 240, 3),
    ("Fish Auction Offices", "offices", -900, -1330, 150, 2),
]
SHELTERS = [
    ("Northgate Sports Hall", -1200, 3200, 900),
    ("Exchange Congress Centre", 1400, 1900, 2200),
    ("Castle Hill School Hall", -900, 1500, 420),
    ("Newhaven Leisure Centre", 2500, 200, 700),
    ("Eastfield Arena", 3700, -200, 1500),
    ("Brickfields Community Centre", 2800, -1400, 350),
    ("Westmoor High School", -3800, -400, 650),
    ("Stonebridge Sports Centre", -6400, 1400, 800),
    ("Marlow Park Hall", -4700, 1700, 300),
    ("Southcliff School Hall", 3000, -3700, 450),
    ("Staveley Hall", 7000, 200, 380),
    ("University Halls", 600, 1750, 1100),
    ("Old Town Guildhall", -700, 250, 260),
]
OFFICE_NAMES = (
    "Meridian Mutual House",
    "Compass Tower",
    "Harbour Point",
    "Exchange Plaza",
    "Anchor House",
    "Lantern Court",
    "Mercer House",
    "Beacon Tower",
    "Pilot House",
    "Corn Exchange Offices",
)


def facilities(survey: Surveyor, rng: np.random.Generator) -> list[Record]:
    """All facilities of the city as the pack's meta holds them."""
    found = [_hospital(survey, row) for row in HOSPITALS]
    for kind, agency, rows, day, night in (
        ("fire_station", "MFD", FIRE_STATIONS, 22, 16),
        ("police_station", "MPD", POLICE_STATIONS, 70, 25),
        ("ambulance_station", "MEMS", AMBULANCE_STATIONS, 18, 12),
    ):
        found += [_record(key, kind, name, survey.beside(x, y, 3), agency, day, night) for key, name, x, y in rows]
    for key, kind, name, x, y, agency, day, night, details in OTHERS:
        found.append(_record(key, kind, name, survey.beside(x, y), agency, day, night, details))
    for k, (name, x, y, beds) in enumerate(CARE_HOMES, 1):
        found.append(
            _record(
                f"CARE-{k}",
                "care_home",
                name,
                survey.beside(x, y),
                "MHEALTH",
                int(beds * 1.4),
                int(beds * 1.1),
                {"beds": beds, "generator_h": 4 if k % 3 == 0 else 0},
                capacity=beds,
            )
        )
    for k, (name, x, y, room) in enumerate(SHELTERS, 1):
        found.append(_record(f"SH-{k}", "shelter", name, survey.beside(x, y, 4), "EOC", 5, 0, {}, capacity=room))
    return found + _schools(survey, rng) + _buildings(survey, rng)


def _hospital(survey: Surveyor, row: tuple[str, str, float, float, int, bool, int, int, int, int]) -> Record:
    key, name, x, y, beds, emergency, generator_h, battery_h, day, night = row
    details = {"beds": beds, "emergency_department": emergency, "generator_h": generator_h, "battery_h": battery_h}
    return _record(key, "hospital", name, survey.beside(x, y, 4), "MHEALTH", beds + day, beds + night, details, beds)


def _schools(survey: Surveyor, rng: np.random.Generator) -> list[Record]:
    schools = []
    towns = [d for d in plan.DISTRICTS if d.fabric not in ("port", "works")]
    for k, district in enumerate(towns[:44], 1):
        x, y = (float(v) for v in rng.integers(-420, 421, size=2))
        spot = survey.beside(district.x + x * 0.8, district.y + y * 0.8, 4)
        kind = ("Primary School", "School", "Academy")[k % 3]
        pupils = int(rng.integers(180, 900))
        schools.append(_record(f"SCH-{k}", "school", f"{district.name} {kind}", spot, "EOC", pupils, 0, {}, pupils))
    return schools


def _buildings(survey: Surveyor, rng: np.random.Generator) -> list[Record]:
    rows: list[tuple[str, str, float, float, int, int]] = [*LOW_BUILDINGS]
    middles = [d for d in plan.DISTRICTS if d.rank <= 2 and d.fabric in ("medieval", "terrace", "grid")]
    for k in range(32):
        district = middles[k % len(middles)]
        x, y = (float(v) for v in rng.integers(-450, 451, size=2))
        if k < len(OFFICE_NAMES):
            name, kind, day, night = OFFICE_NAMES[k], "offices", int(rng.integers(250, 1600)), int(rng.integers(5, 30))
        else:
            people = int(rng.integers(120, 620))
            name, kind, day, night = f"{district.name} Court {k - 9}", "apartments", people * 3 // 10, people
        rows.append((name, kind, district.x + x, district.y + y, day, night))
    return [
        _record(f"BLD-{k}", kind, name, survey.beside(x, y), "EOC", day, night, {"storeys": 3 + k % 9})
        for k, (name, kind, x, y, day, night) in enumerate(rows, 1)
    ]


def _record(
    key: str,
    kind: str,
    name: str,
    spot: Spot,
    agency: str,
    day: int,
    night: int,
    details: Record | None = None,
    capacity: int | None = None,
) -> Record:
    record: Record = {
        "id": key,
        "kind": kind,
        "name": name,
        **spot.point(),
        "address": spot.address,
        "district": spot.district,
        "elevation_m": spot.elevation_m,
        "agency": agency,
        "people": {"day": day, "night": night},
        "details": {**(details or {}), "floods_at_m": spot.floods_at_m},
    }
    return record if capacity is None else {**record, "capacity": capacity}


def agencies() -> list[Record]:
    """Who answers for what."""
    return [{"id": key, "name": name, "kind": kind} for key, name, kind in AGENCIES]
