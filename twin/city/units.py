"""The units the agencies can send, by station, with their NIMS kind and type."""

from __future__ import annotations

from twin.city.places import Record

# callsign letters, agency, NIMS kind, NIMS type, crew, profile, wading depth, skills
KINDS: dict[str, tuple[str, str, str, int, int, str, float, list[str]]] = {
    "engine": ("E", "MFD", "Fire Engine (Pumper)", 1, 4, "engine", 0.5, ["fire", "pumping", "medical_first_response"]),
    "ladder": ("L", "MFD", "Fire Truck - Aerial", 1, 4, "engine", 0.5, ["fire", "rescue_at_height"]),
    "rescue": (
        "R",
        "MFD",
        "Urban Search and Rescue Team",
        3,
        5,
        "engine",
        0.6,
        ["technical_rescue", "medical_first_response"],
    ),
    "boat": ("RB", "MFD", "Swiftwater/Flood Search and Rescue Team", 2, 4, "boat", 9.0, ["water_rescue"]),
    "hazmat": ("HZ", "MFD", "Hazardous Materials Response Team", 1, 6, "engine", 0.5, ["hazmat"]),
    "highwheel": ("HW", "MWORKS", "High-Wheel Vehicle", 2, 2, "high_wheel", 1.1, ["evacuation", "water_transport"]),
    "ambulance": ("M", "MEMS", "Ambulance (Ground)", 2, 2, "ambulance", 0.3, ["medical_advanced"]),
    "police": ("P", "MPD", "Patrol Team", 3, 2, "car", 0.3, ["traffic_control", "cordon"]),
    "utility": ("U", "MPOWER", "Electrical Power Restoration Crew", 3, 3, "high_wheel", 0.6, ["switching", "earthing"]),
    "water": ("WU", "MWATER", "Pump Crew", 3, 3, "high_wheel", 0.7, ["pumping", "drainage"]),
    "tug": ("TUG", "PMHA", "Harbour Tug", 2, 5, "boat", 9.0, ["towing", "fire_monitor"]),
    "launch": ("PL", "PMHA", "Harbour Launch", 3, 3, "boat", 9.0, ["water_rescue", "pilotage"]),
    "lifeboat": ("CG", "CG", "Coastguard Lifeboat", 2, 6, "boat", 9.0, ["water_rescue", "sea_search"]),
    "command": ("BC", "MFD", "Command Vehicle", 2, 2, "car", 0.3, ["command"]),
}
ROSTER: list[tuple[str, int, str]] = [
    ("engine", 11, "FS-1"),
    ("engine", 12, "FS-1"),
    ("ladder", 1, "FS-1"),
    ("boat", 1, "FS-1"),
    ("command", 1, "FS-1"),
    ("engine", 21, "FS-2"),
    ("engine", 22, "FS-2"),
    ("boat", 2, "FS-2"),
    ("rescue", 2, "FS-2"),
    ("engine", 31, "FS-3"),
    ("engine", 32, "FS-3"),
    ("ladder", 3, "FS-3"),
    ("engine", 41, "FS-4"),
    ("engine", 42, "FS-4"),
    ("rescue", 4, "FS-4"),
    ("engine", 51, "FS-5"),
    ("ladder", 5, "FS-5"),
    ("engine", 61, "FS-6"),
    ("hazmat", 1, "FS-6"),
    ("boat", 3, "FS-6"),
    ("engine", 71, "FS-7"),
    ("engine", 81, "FS-8"),
    ("ladder", 8, "FS-8"),
    ("hazmat", 2, "FS-8"),
    ("ambulance", 1, "AS-1"),
    ("ambulance", 2, "AS-1"),
    ("ambulance", 3, "AS-1"),
    ("ambulance", 4, "AS-1"),
    ("ambulance", 5, "AS-2"),
    ("ambulance", 6, "AS-2"),
    ("ambulance", 7, "AS-3"),
    ("ambulance", 8, "AS-3"),
    ("ambulance", 9, "AS-4"),
    ("ambulance", 10, "AS-4"),
    ("police", 11, "PS-1"),
    ("police", 12, "PS-1"),
    ("police", 13, "PS-1"),
    ("police", 21, "PS-2"),
    ("police", 22, "PS-2"),
    ("police", 31, "PS-3"),
    ("police", 32, "PS-3"),
    ("police", 41, "PS-4"),
    ("police", 51, "PS-5"),
    ("highwheel", 1, "PW-YARD"),
    ("highwheel", 2, "PW-YARD"),
    ("highwheel", 3, "PW-YARD"),
    ("highwheel", 4, "PW-YARD"),
    ("utility", 17, "U-YARD"),
    ("utility", 18, "U-YARD"),
    ("utility", 22, "U-YARD"),
    ("utility", 23, "U-YARD"),
    ("water", 1, "W-YARD"),
    ("water", 2, "W-YARD"),
    ("water", 3, "W-YARD"),
    ("tug", 1, "HC-1"),
    ("tug", 2, "HC-1"),
    ("tug", 3, "HC-1"),
    ("launch", 1, "HC-1"),
    ("lifeboat", 1, "CG-1"),
    ("lifeboat", 2, "CG-1"),
]


def units() -> list[Record]:
    """All units, each at its station."""
    found = []
    for key, number, station in ROSTER:
        letters, agency, kind, nims_type, crew, profile, wading_m, skills = KINDS[key]
        sign = f"{letters}{number}"
        found.append(
            {
                "id": sign,
                "name": sign,
                "agency": agency,
                "nims_kind": kind,
                "nims_type": nims_type,
                "station": station,
                "crew": crew,
                "profile": profile,
                "wading_m": wading_m,
                "skills": skills,
            }
        )
    return found
