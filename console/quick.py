"""The typed line: what is meant by ``E12 enr``, ``E12 I-3``, ``I-3 dup I-1``, ``I-3 p1`` or ``log gate shut``."""

from __future__ import annotations

import re

from pydantic import ValidationError

from console import commands as c
from picture.errors import RefusedError
from picture.model import UNIT_STATUSES, StreamPicture

USAGE = "Try: E12 enr · E12 I-3 · E12 stand down · I-3 p1 · I-3 dup I-1 · I-3 close resolved · log words"
_STATUS_WORDS = {short for _, short, _ in UNIT_STATUSES.values()} | set(UNIT_STATUSES)
_INCIDENT = re.compile(r"i-?(\d+)", re.IGNORECASE)


def understood(line: c.QuickLine, picture: StreamPicture) -> c.Command:
    """The command a line means; ``RefusedError`` with examples where it means none."""
    try:
        return _understood(line, picture)
    except ValidationError as error:
        detail = f"{error.errors(include_url=False, include_input=False)[0]['msg']}. {USAGE}"
        raise RefusedError(detail, code="TOC-4011") from error


def _understood(line: c.QuickLine, picture: StreamPicture) -> c.Command:
    words = line.line.split()
    if not words:
        raise RefusedError(USAGE)
    first = words[0]
    if first.casefold() == "log" and len(words) > 1:
        return c.WriteLog(text=line.line.split(None, 1)[1], incident=line.incident)
    unit = _unit(first, picture)
    if unit and len(words) > 1:
        return _of_unit(unit, words[1:], picture)
    incident = _incident(first, picture)
    if incident and len(words) > 1:
        return _of_incident(incident, words[1:], picture)
    raise RefusedError(f"“{line.line}” is not understood. {USAGE}")


def _unit(word: str, picture: StreamPicture) -> str:
    wanted = word.casefold()
    return next(
        (unit.id for unit in picture.units.values() if wanted in (unit.id.casefold(), unit.name.casefold())), ""
    )


def _incident(word: str, picture: StreamPicture) -> str:
    match = _INCIDENT.fullmatch(word)
    return f"I-{match.group(1)}" if match and f"I-{match.group(1)}" in picture.incidents else ""


def _of_unit(unit: str, words: list[str], picture: StreamPicture) -> c.Command:
    phrase = "_".join(words).casefold()
    if phrase in ("stand_down", "sd", "recall"):
        return c.StandDown(unit=unit)
    if phrase in _STATUS_WORDS:
        return c.SetStatus(unit=unit, status=phrase)
    incident = _incident(words[0], picture)
    if incident and len(words) == 1:
        return c.Assign(unit=unit, incident=incident)
    if words[0].casefold() == "to" and len(words) > 1:
        return c.Assign(unit=unit, place=c.PlaceInput(said=" ".join(words[1:])))
    raise RefusedError(f"{unit}: “{' '.join(words)}” is neither a status nor an incident. {USAGE}")


def _of_incident(incident: str, words: list[str], picture: StreamPicture) -> c.Command:
    verb = words[0].casefold()
    if re.fullmatch(r"p[1-4]", verb) and len(words) == 1:
        return c.ChangeIncident(incident=incident, priority=int(verb[1]))
    if verb == "dup" and len(words) == 2 and (other := _incident(words[1], picture)):
        return c.MarkDuplicate(incident=incident, of=other)
    if verb == "undup" and len(words) == 1:
        return c.MarkDuplicate(incident=incident)
    if verb == "close" and len(words) > 1:
        return c.CloseIncident(incident=incident, result_code=" ".join(words[1:]))
    if verb == "reopen" and len(words) == 1:
        return c.ReopenIncident(incident=incident)
    raise RefusedError(f"{incident}: “{' '.join(words)}” is not understood. {USAGE}")
