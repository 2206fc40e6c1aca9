"""The port and its water: terminals and berths, anchorages, the storm barrier, sea marks, gauges."""

from __future__ import annotations

from twin.city import plan
from twin.city.places import Record, Surveyor
from twin.pack import unproject

# id, terminal, name, x, y (on the quay edge), length, depth, crane wind limit, UN numbers
BERTHS: list[tuple[str, str, str, float, float, int, float, float, list[int]]] = [
    ("B-1", "Container Terminal", "Container Berth 1", -3550, -2585, 330, 15.5, 22, [1263, 3082, 1950]),
    ("B-2", "Container Terminal", "Container Berth 2", -3050, -2700, 330, 15.5, 22, [1263, 3480]),
    ("B-3", "Container Terminal", "Container Berth 3", -3500, -2915, 300, 14.0, 20, [3082]),
    ("B-4", "Container Terminal", "Container Berth 4", -2800, -3100, 300, 14.0, 20, [1942, 3077]),
    ("B-5", "Bulk Terminal", "Grain Berth", -950, -3440, 240, 12.0, 18, []),
    ("B-6", "Bulk Terminal", "Fertiliser Berth", -100, -3630, 220, 11.5, 18, [1942, 2067]),
    ("B-7", "Bulk Terminal", "Scrap and Timber Berth", -600, -3820, 200, 10.5, 16, []),
    ("B-8", "Ferry Terminal", "Ferry Berth 1", -1750, -1760, 180, 7.5, 25, []),
    ("B-9", "Ferry Terminal", "Ferry Berth 2", -2050, -1590, 140, 6.5, 25, []),
    ("B-10", "Halden Jetty", "Gas Berth", 820, -6060, 290, 13.5, 16, [1005, 1972, 1075]),
    ("B-11", "Halden Jetty", "Chemical Berth", 580, -5700, 180, 11.0, 16, [1017, 1203, 1005]),
    ("B-12", "Customs Quay", "Customs Quay Berth", -640, -1310, 160, 6.0, 15, []),
]
ANCHORAGES = [
    ("A-NORTH", "Sandhaven Anchorage", -7600, -4700, 700, 14),
    ("A-SOUTH", "Outer Bay Anchorage", -2200, -7700, 900, 19),
    ("A-DG", "Dangerous Goods Anchorage", 3600, -7700, 600, 20),
]
CHANNEL = [
    (-5200, -8400),
    (-4200, -7200),
    (-3350, -6300),
    (-3200, -5600),
    (-2900, -4850),
    (-2450, -4200),
    (-1700, -3200),
    (-1000, -2200),
    (-400, -1300),
]
NAVAIDS = [
    ("NA-1", "Fairway buoy", -5200, -8300),
    ("NA-2", "West mole light", -3650, -6360),
    ("NA-3", "East mole light", -3020, -6250),
    ("NA-4", "Barrier north light", -3080, -4745),
    ("NA-5", "Barrier south light", -2720, -4955),
]
# id, kind, name, x, y
GAUGES = [
    ("G-MOLE", "water_level", "West Mole tide gauge", -3900, -5800),
    ("G-BARRIER", "water_level", "Storm Barrier gauge, harbour side", -2830, -4700),
    ("G-QUAY", "water_level", "Customs Quay gauge", -540, -1250),
    ("G-OLDDOCK", "water_level", "Old Dock gauge", -1400, -1780),
    ("G-TANNERY", "water_level", "Tannery Bridge gauge", 2560, 1530),
    ("G-BROOK", "water_level", "Mill Brook gauge", -1940, -200),
    ("W-MOLE", "wind", "East Mole anemometer", -3000, -6240),
    ("W-PORT", "wind", "Container Port anemometer", -3300, -2560),
    ("W-CASTLE", "wind", "Castle Gardens anemometer", -430, 1130),
    ("AQ-H1", "air_ammonia", "Halden fence line west", 720, -4780),
    ("AQ-H2", "air_ammonia", "Halden fence line north", 1200, -4450),
    ("AQ-H3", "air_chlorine", "Halden chlorine store", 1300, -4950),
    ("AQ-H4", "air_ammonia", "Gas Berth head", 860, -6085),
]


def berths() -> list[Record]:
    """Berths with what their cranes stand and which dangerous goods they handle."""
    return [
        {
            "id": key,
            "terminal": terminal,
            "name": name,
            **_point(x, y),
            "length_m": length,
            "depth_m": depth,
            "crane_wind_limit_mps": limit,
            "dangerous_goods": goods,
            "agency": "PMHA",
        }
        for key, terminal, name, x, y, length, depth, limit, goods in BERTHS
    ]


def anchorages() -> list[Record]:
    """Where ships wait: circles of a radius with a depth."""
    return [
        {"id": key, "name": name, **_point(x, y), "radius_m": radius, "depth_m": depth}
        for key, name, x, y, radius, depth in ANCHORAGES
    ]


def barrier() -> Record:
    """The storm barrier: the line it closes, its closing time, and the water behind it."""
    (ax, ay), (bx, by) = plan.BARRIER
    behind = [
        (bx, by),
        (ax, ay),
        (-1300, -4300),
        (900, -4150),
        (900, -2600),
        (1500, -900),
        (3200, 900),
        (7500, 1700),
        (12_000, 3200),
        (12_000, 5000),
        (6500, 2800),
        (2500, 2300),
        (200, 400),
        (-1200, 900),
        (-1900, 3200),
        (-2300, 8500),
        (-3900, 8500),
        (-3600, 2000),
        (-2800, -900),
        (-4700, -2200),
        (-4600, -3200),
        (-2900, -3500),
    ]
    return {
        "id": "BARRIER",
        "name": "Meridian Storm Barrier",
        **_point((ax + bx) / 2, (ay + by) / 2),
        "close_s": 1500,
        "open_s": 1800,
        "sill_m": -9.0,
        "crest_m": 5.0,
        "agency": "PMHA",
        "line": [_pair(ax, ay), _pair(bx, by)],
        "polygon": [_pair(x, y) for x, y in [*behind, behind[0]]],
    }


def channel() -> list[list[float]]:
    """The fairway from the outer bay to the old quays, as [lon, lat]."""
    return [_pair(x, y) for x, y in CHANNEL]


def navaids() -> list[Record]:
    """Buoys and lights."""
    return [{"id": key, "name": name, **_point(x, y)} for key, name, x, y in NAVAIDS]


def gauges(survey: Surveyor) -> list[Record]:
    """Instruments: water level on the city's datum, wind, gas in air."""
    return [
        {
            "id": key,
            "kind": kind,
            "name": name,
            **survey.at(x, y).point(),
            "datum": plan.DATUM if kind == "water_level" else None,
        }
        for key, kind, name, x, y in GAUGES
    ]


def _pair(x: float, y: float) -> list[float]:
    lon, lat = unproject(plan.ORIGIN, x, y)
    return [round(lon, 7), round(lat, 7)]


def _point(x: float, y: float) -> Record:
    lon, lat = _pair(x, y)
    return {"lon": lon, "lat": lat}
