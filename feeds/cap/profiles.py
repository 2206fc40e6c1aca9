"""Rules that publishers add to CAP 1.2, for feeds whose configuration says that they keep to them.

``ipaws``: CAP v1.2 IPAWS Profile 1.0 (OASIS, 2009) §2. ``meteoalarm``: the CAP profile of EUMETNET's MeteoAlarm, which
writes its colour and kind of danger in the parameters ``awareness_level`` and ``awareness_type``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from feeds.fields import refuse

NS: Final = "{urn:oasis:names:tc:emergency:cap:1.2}"
_BROKEN: Final = "TOC-2152"
IPAWS_CODE: Final = "IPAWSv1.0"
GREEN: Final = "1"
"""MeteoAlarm's level of awareness at which there is nothing to warn of."""


def check(profile: str, root: etree._Element) -> None:
    """Returns where the alert keeps to the profile; else raises ``InputError`` TOC-2152 with the element."""
    if profile:
        PROFILES[profile](root)


def awareness_level(info: etree._Element) -> str:
    """MeteoAlarm's level of this block, 1 (green) to 4 (red); empty where it says none."""
    return _parameter(info, "awareness_level").partition(";")[0].strip()


def _ipaws(root: etree._Element) -> None:
    codes = [(one.text or "").strip() for one in root.findall(f"{NS}code")]
    if IPAWS_CODE not in codes:
        refuse("alert.code", f"no {IPAWS_CODE}", _BROKEN)
    events = set()
    for info in root.findall(f"{NS}info"):
        same = _named(info, "eventCode", "SAME")
        if len(same) != 1 or not re.fullmatch(r"[A-Z]{3}", same[0], re.ASCII):
            refuse("info.eventCode", "not one SAME code of three capitals", _BROKEN)
        events.add(same[0])
        if not (info.findtext(f"{NS}expires") or "").strip():
            refuse("info.expires", "required", _BROKEN)
        areas = info.findall(f"{NS}area")
        if not areas:
            refuse("info.area", "required", _BROKEN)
        for area in areas:
            places = _named(area, "geocode", "SAME")
            if not places or not all(re.fullmatch(r"\d{6}", place, re.ASCII) for place in places):
                refuse("info.area.geocode", "no SAME code of six digits", _BROKEN)
    if len(events) > 1:
        refuse("info.eventCode", "the info blocks are about different events", _BROKEN)


def _meteoalarm(root: etree._Element) -> None:
    for info in root.findall(f"{NS}info"):
        if not re.fullmatch(r"[1-4]", awareness_level(info), re.ASCII):
            refuse("info.parameter.awareness_level", "not a level from 1 to 4", _BROKEN)
        if not re.match(r"\d{1,2}\s*;", _parameter(info, "awareness_type"), re.ASCII):
            refuse("info.parameter.awareness_type", "not a number and a name", _BROKEN)
        if not (info.findtext(f"{NS}expires") or "").strip():
            refuse("info.expires", "required", _BROKEN)
        if not info.findall(f"{NS}area"):
            refuse("info.area", "required", _BROKEN)


def _parameter(info: etree._Element, name: str) -> str:
    return next(iter(_named(info, "parameter", name)), "")


def _named(parent: etree._Element, tag: str, name: str) -> list[str]:
    return [
        (one.findtext(f"{NS}value") or "").strip()
        for one in parent.findall(f"{NS}{tag}")
        if (one.findtext(f"{NS}valueName") or "").strip() == name
    ]


PROFILES: Final[Mapping[str, Callable[[etree._Element], None]]] = {"ipaws": _ipaws, "meteoalarm": _meteoalarm}
