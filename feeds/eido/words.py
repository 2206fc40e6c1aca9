"""EIDO's registered words turned into ours, and back.

Incident types are those of APCO ANS 2.103 (Common Incident Types for Data Exchange); priorities run from 0 to 10, of
which 10 is the highest (NENA-STA-021 §2.9).
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Final

TO_APCO: Final = {
    "flood": "WATER", "trapped": "ENTRAP", "vehicle_in_water": "WATER", "fire": "FUNK", "medical": "SICK",
    "power": "ELECHZD", "substation": "ELECHZD", "hazmat": "HAZMAT", "gas": "GASLEAK", "collapse": "BLDCLPSE",
    "road_blocked": "THAZ", "traffic": "MVAUNK", "vessel_adrift": "WATER", "mayday": "MAYDAY",
    "person_in_water": "WATER", "lift": "ENTRAP", "tree": "THAZ", "evacuation": "MAJORINC", "unrest": "CIVDIS",
    "missing": "PERMISS", "other": "TROUBLE",
}  # fmt: skip
"""Our kinds of incident -> APCO's; ours travels beside it as the internal code."""

_KINDS: Final = {
    "fire": "FAIRC FAPT FARSON FBRUSH FELEC FFUEL FMARINE FOTHER FSMOKE FSTRU FTRAILER FTRAIN FTRASH FTRUCK FUNK FVEH "
            "EXPLOS ALRF ALRBOX ALRHEAT ALRPULL",
    "medical": "SICK ALS BLS ABDOM ALLERGIC ALRMED BACK BLEEDING BURN CARDIAC CHESPAIN CHOKE DIABETIC EXPOSURE FALL "
               "HEADACHE HEMRG MCI OD PERUNCON PREG RESP RESPARR SEIZURE STROKE TRAUMA TRAUMAP",
    "person_in_water": "WATER DROWN", "trapped": "ENTRAP XTRACATE RESCUE ACCIND", "gas": "GASLEAK ALRGAS ALRNGAS",
    "hazmat": "HAZMAT CHEMICAL BIO RADIAT", "collapse": "BLDCLPSE BRGCLPSE", "power": "ELECHZD WIRES",
    "traffic": "MVA MVAHR MVAINJY MVAUNK", "road_blocked": "THAZ", "mayday": "MAYDAY",
    "missing": "PERMISS MISBOATR SAR", "unrest": "CIVDIS",
}  # fmt: skip
FROM_APCO: Final = {code: kind for kind, codes in _KINDS.items() for code in codes.split()}

UNIT_STATUS: Final = {
    "available": "Available", "dispatched": "Dispatched", "enroute": "En Route", "staged": "Staged",
    "on_scene": "On Scene", "transporting": "Transporting", "at_hospital": "At Hospital", "returning": "Returning",
    "out_of_service": "Out of Service",
}  # fmt: skip
"""Our local status -> what another control room reads; ours travels beside it as the internal code."""

_PRIORITIES: Final = ((9, 1), (6, 2), (3, 3), (0, 4))
_OF_SEVERITY: Final = {1: 10, 2: 7, 3: 4, 4: 1}
_BREAKS: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3"})
_TAG: Final = re.compile(r"<(?:/|!)?([A-Za-z]\w*|--)[^<>]*>")


def severity_of(priority: int) -> int:
    """Our severity, 1 worst, of a common priority from 0 to 10."""
    return next(severity for least, severity in _PRIORITIES if priority >= least)


def priority_of(severity: int) -> int:
    """The common priority of one of our severities."""
    return _OF_SEVERITY[severity]


def plain(html: str) -> str:
    """The words of a note, which EIDO writes in HTML; tags are dropped, line ends stay, and nothing is obeyed."""
    return unescape(_TAG.sub(_line_end, html)).strip()


def _line_end(tag: re.Match[str]) -> str:
    return "\n" if tag[1].lower() in _BREAKS else ""


def marked_up(text: str) -> str:
    """A note of these words: ``plain`` gives them back, trimmed."""
    return escape(text, quote=False).replace("\n", "<br>")
