"""Our kinds of incident as EMSI's facets, and back: what happened (category) and in what surroundings (env)."""

from __future__ import annotations

from typing import Final

FACETS: Final = {
    "flood": ("FLD", "DIS/FLOOD"), "trapped": ("ASR", ""), "vehicle_in_water": ("ASR/WAT", "DIS/TRSPRT"),
    "fire": ("FIR", "DIS/FIRE"), "medical": ("HLT", ""), "power": ("", "DIS/PWROUT"),
    "substation": ("FLD", "DIS/PWROUT"), "hazmat": ("POL/CHM", "DIS/INDHAZ"), "gas": ("EXP/GAS", ""),
    "collapse": ("", "DIS/STCLPS"), "road_blocked": ("TRP", ""), "traffic": ("TRP/COL", "DIS/TRSPRT"),
    "vessel_adrift": ("ASR/MAR", ""), "mayday": ("ASR/MAR", "DIS/TRSPRT"), "person_in_water": ("ASR/WAT", ""),
    "lift": ("ASR/HGT", ""), "tree": ("", "DIS/STORM"), "evacuation": ("PSW/MEV", ""),
    "unrest": ("PSW/RIOT", "CDIS/RIOT"), "missing": ("PSW/MIS", ""), "other": ("", ""),
}  # fmt: skip
"""Kind -> (category, env); no two have the same pair, so that ours come back as they went."""
_EXACT: Final = {pair: kind for kind, pair in FACETS.items()}
_CATEGORIES: Final = (
    ("ASR/WAT", "person_in_water"), ("ASR/MAR", "vessel_adrift"), ("ASR", "trapped"), ("EXP/GAS", "gas"),
    ("EXP", "fire"), ("FIR", "fire"), ("FLD", "flood"), ("GND", "collapse"), ("HLT", "medical"), ("POL", "hazmat"),
    ("PSW/DEM", "unrest"), ("PSW/RIOT", "unrest"), ("PSW/MIS", "missing"), ("PSW/MEV", "evacuation"),
    ("TRP/COL", "traffic"), ("TRP/CRS", "traffic"), ("TRP", "road_blocked"),
)  # fmt: skip
_SURROUNDINGS: Final = (
    ("DIS/PWROUT", "power"), ("DIS/STCLPS", "collapse"), ("DIS/FLOOD", "flood"), ("DIS/TSNAMI", "flood"),
    ("DIS/FIRE", "fire"), ("DIS/CBRN", "hazmat"), ("DIS/INDHAZ", "hazmat"), ("DIS/RADCNT", "hazmat"),
    ("DIS/LNDSLD", "collapse"), ("DIS/ERTHQK", "collapse"), ("CDIS", "unrest"),
)  # fmt: skip

STATUS: Final = {
    "available": "AVAILB", "staged": "AVAILB", "returning": "AVAILB", "dispatched": "IN_USE", "enroute": "IN_USE",
    "on_scene": "IN_USE / ON_SCENE", "transporting": "IN_USE", "at_hospital": "IN_USE", "out_of_service": "UNAV",
}  # fmt: skip
"""Our local status -> the status of a resource."""
FROM_STATUS: Final = {
    "AVAILB": "available", "IN_USE": "dispatched", "IN_USE/MOBILE": "enroute", "IN_USE/ON_SCENE": "on_scene",
    "UNAV": "out_of_service", "MAINTC": "out_of_service",
}  # fmt: skip
EVENT_STATUS: Final = {"COM": "completed", "STOP": "under control", "NST": "not started"}
_OF_SEVERITY: Final = {1: 4, 2: 3, 3: 2, 4: 1}
_OF_SCALE: Final = {5: 1, 4: 1, 3: 2, 2: 3, 1: 4}


def kind_of(categories: list[str], surroundings: list[str]) -> str:
    """Our kind for an event's facets: an exact pair, else the first category known, else the first surroundings."""
    pair = (next(iter(categories), ""), next(iter(surroundings), ""))
    if pair in _EXACT:
        return _EXACT[pair]
    for words, table in ((categories, _CATEGORIES), (surroundings, _SURROUNDINGS)):
        for word in words:
            for start, kind in table:
                if word == start or word.startswith(f"{start}/"):
                    return kind
    return "other"


def scale_of(severity: int) -> int:
    """EMSI's scale, 5 the gravest, of our severity; 5 is left to disasters."""
    return _OF_SEVERITY[severity]


def severity_of(scale: int) -> int:
    """Our severity of a scale from 1 to 5."""
    return _OF_SCALE[scale]
