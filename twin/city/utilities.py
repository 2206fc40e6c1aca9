"""Power and drainage: substations with trip levels, feeders with back-feeds, pumps, tide-locked outfalls."""

from __future__ import annotations

from twin.city.places import Record, Surveyor

# id, name, x, y, height of the switchgear above the ground
SUBSTATIONS = [
    ("SUB-1", "Substation 1, Exchange", 1500, 2250, 0.5),
    ("SUB-2", "Substation 2, Northgate", -1500, 3700, 0.5),
    ("SUB-3", "Substation 3, Southbank", 850, -1330, 0.45),
    ("SUB-4", "Substation 4, Customs Quay", -600, -985, 0.9),
    ("SUB-5", "Substation 5, Container Port", -3350, -2020, 0.55),
    ("SUB-6", "Substation 6, Tannery", 3600, 950, 0.5),
    ("SUB-7", "Substation 7, Westmoor", -4100, -600, 0.5),
    ("SUB-8", "Substation 8, Halden", 1500, -4350, 0.6),
    ("SUB-9", "Substation 9, Eastmere", 5000, 500, 0.5),
    ("SUB-10", "Substation 10, Cold Harbour", -6200, 3000, 0.5),
]
# id, name, x, y, height of the motors above the ground, feeder, battery hours, litres per second
PUMPS = [
    ("P-1", "Wharf Street Underpass Pumps", -850, -1180, 0.4, "F-4A", 1.0, 320),
    ("P-2", "Fishmarket Pumping Station", -690, -930, 0.8, "F-4B", 2.0, 900),
    ("P-3", "Old Dock Pumping Station", -1550, -1230, 0.6, "F-4C", 2.0, 700),
    ("P-4", "Southbank Pumping Station", 800, -1080, 0.5, "F-3A", 2.0, 850),
    ("P-5", "Saltmarsh Polder Pumps", 1350, -2150, 1.2, "F-3B", 4.0, 2600),
    ("P-6", "Docklands Pumping Station", -2600, -1200, 0.5, "F-5A", 1.5, 800),
    ("P-7", "Bulk Port Pumps", -500, -4150, 0.5, "F-8A", 1.0, 600),
    ("P-8", "Newhaven Pumping Station", 2150, 130, 0.5, "F-6A", 2.0, 650),
]
OUTFALLS = [
    ("OF-1", -480, -1170, 0.2),
    ("OF-2", -880, -1600, 0.1),
    ("OF-3", -1280, -1610, 0.4),
    ("OF-4", 250, -1010, 0.3),
    ("OF-5", 900, -420, 0.5),
    ("OF-6", 2300, 1500, 0.7),
    ("OF-7", -1900, -800, 0.5),
    ("OF-8", -1350, -3900, 0.2),
    ("OF-9", -2350, -3250, 0.2),
    ("OF-10", 3700, 1700, 0.9),
]
# id, back-feed, customers, what it serves
FEEDERS: list[tuple[str, str | None, int, list[str]]] = [
    ("F-1A", "F-2B", 5200, ["EOC-1", "PS-1", "METRO-EX", "SH-2"]),
    ("F-1B", "F-6B", 4100, ["TELECOM", "UNI"]),
    ("F-1C", "F-4C", 3300, ["CITYHALL", "SH-13"]),
    ("F-2A", "F-10A", 6100, ["H-MERIDIAN", "FS-3", "SH-1"]),
    ("F-2B", "F-1A", 4800, ["H-CHILD", "AS-4", "PS-4"]),
    ("F-2C", "F-10B", 3900, ["STATION", "STADIUM", "AS-1"]),
    ("F-3A", "F-6A", 4700, ["FS-2", "PS-3", "CARE-2", "P-4"]),
    ("F-3B", None, 2100, ["P-5"]),
    ("F-3C", "F-6B", 3200, ["CARE-10", "BLD-6"]),
    ("F-4A", "F-7A", 3600, ["P-1", "BLD-2", "BLD-3", "BLD-8"]),
    ("F-4B", "F-1B", 4200, ["H-STANNE", "CARE-1", "MARKET", "P-2"]),
    ("F-4C", "F-1C", 3900, ["METRO-OT", "P-3", "BLD-1", "BLD-4", "FS-1"]),
    ("F-5A", "F-7B", 1800, ["HC-1", "FERRY", "P-6", "METRO-WQ", "PS-2"]),
    ("F-5B", "F-7C", 240, ["B-1", "B-2", "FS-6"]),
    ("F-5C", None, 120, ["B-3", "B-4"]),
    ("F-6A", "F-3A", 3800, ["U-YARD", "P-8", "SH-4"]),
    ("F-6B", "F-9A", 5100, ["H-EAST", "AS-2", "FS-5", "SH-5"]),
    ("F-7A", "F-4A", 4400, ["FS-4", "SH-7"]),
    ("F-7B", "F-5A", 4900, ["AS-3", "W-YARD"]),
    ("F-7C", "F-10B", 3500, ["H-WEST", "SH-8"]),
    ("F-8A", None, 310, ["B-5", "B-6", "B-7", "P-7", "CG-1", "BARRIER"]),
    ("F-8B", "F-9B", 900, ["HALDEN", "TANKS", "B-10", "B-11"]),
    ("F-9A", "F-6B", 5600, ["PS-5", "CARE-7"]),
    ("F-9B", "F-8B", 5200, ["FS-8", "PRISON", "SH-10"]),
    ("F-10A", "F-2A", 6400, ["CARE-4"]),
    ("F-10B", "F-2C", 5900, ["SH-9"]),
]


def substations(survey: Surveyor) -> list[Record]:
    """Substations with the water level at which each must be off."""
    found = []
    for key, name, x, y, plinth_m in SUBSTATIONS:
        spot = survey.beside(x, y, back_m=22)
        number = key.removeprefix("SUB-")
        found.append(
            {
                "id": key,
                "name": name,
                **spot.point(),
                "address": spot.address,
                "district": spot.district,
                "elevation_m": spot.elevation_m,
                "floods_at_m": spot.floods_at_m,
                "trip_level_m": round(spot.elevation_m + plinth_m, 2),
                "feeders": [row[0] for row in FEEDERS if row[0][2:-1] == number],
                "agency": "MPOWER",
            }
        )
    return found


def feeders() -> list[Record]:
    """Feeders with the feeder that can take over their load, if any."""
    return [
        {"id": key, "substation": f"SUB-{key[2:-1]}", "customers": customers, "serves": serves}
        | ({"backfeed": backfeed} if backfeed else {})
        for key, backfeed, customers, serves in FEEDERS
    ]


def pumps(survey: Surveyor) -> list[Record]:
    """Pumps with the level that stops them and what they run on."""
    found = []
    for key, name, x, y, above_m, feeder, battery_h, flow in PUMPS:
        spot = survey.beside(x, y, back_m=18)
        found.append(
            {
                "id": key,
                "name": name,
                **spot.point(),
                "elevation_m": spot.elevation_m,
                "floods_at_m": spot.floods_at_m,
                "trip_level_m": round(spot.elevation_m + above_m, 2),
                "feeder": feeder,
                "battery_h": battery_h,
                "flow_lps": flow,
                "agency": "MWATER",
            }
        )
    return found


def outfalls(survey: Surveyor) -> list[Record]:
    """Storm drains that cannot run while the tide stands above ``tide_lock_m``."""
    return [
        {"id": key, **survey.at(x, y).point(), "invert_m": invert, "tide_lock_m": round(invert + 0.9, 2)}
        for key, x, y, invert in OUTFALLS
    ]
