"""Recorded wire bytes with their times: how a scenario speaks to the same codecs as the live world.

A recording is a folder with ``messages.jsonl``, one message a line, in order of time::

    {"at": 12.5, "feed": "met", "file": "warning.xml"}
    {"at": 13, "feed": "gauges", "body": "{\\"result\\": 1.2, …}"}
    {"at": 14, "feed": "ships", "b64": "XGM6MTgw…"}

``at`` is seconds since the scenario's start (to the millisecond); exactly one of ``file`` (a plain name in the folder),
``body`` and ``b64`` holds the bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feeds import strict_json
from feeds.base import Limits
from picture.errors import InputError

INDEX: Final = "messages.jsonl"
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
_LINE_LIMITS: Final = Limits(max_bytes=24 * 1024 * 1024, max_depth=2, max_parts=8)
_BROKEN: Final = "TOC-2103"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One message: when (milliseconds since the start), on which feed, its bytes."""

    offset_ms: int
    feed: str
    body: bytes


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    at: Annotated[float, Field(ge=0, le=31_536_000)]
    feed: Annotated[str, Field(min_length=1, max_length=40)]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}$")] | None = None
    body: str | None = None
    b64: str | None = None


class Recording:
    """The messages of a folder. Nothing is read before it is iterated; each iteration starts anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __iter__(self) -> Iterator[Recorded]:
        """The messages in order; raises ``InputError`` TOC-2103 naming the line that is not valid."""
        try:
            lines = (self._folder / INDEX).read_bytes().splitlines()
        except OSError as error:
            _broken(INDEX, str(error.strerror))
        last_ms = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            message = self._message(line, f"{INDEX} line {number}")
            if message.offset_ms < last_ms:
                _broken(f"{INDEX} line {number}", "earlier than the line before")
            last_ms = message.offset_ms
            yield message

    def _message(self, line: bytes, where: str) -> Recorded:
        try:
            entry = _Line.model_validate(strict_json.parse(line, _LINE_LIMITS))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            _broken(where, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}")
        except InputError as error:
            _broken(where, error.detail)
        return Recorded(round(entry.at * 1000), entry.feed, self._body(entry, where))

    def _body(self, entry: _Line, where: str) -> bytes:
        given = [each for each in (entry.file, entry.body, entry.b64) if each is not None]
        if len(given) != 1:
            _broken(where, "needs exactly one of file, body, b64")
        if entry.body is not None:
            return entry.body.encode("utf-8")
        if entry.b64 is not None:
            try:
                return base64.b64decode(entry.b64, validate=True)
            except binascii.Error:
                _broken(where, "b64 is not base64")
        path = self._folder / str(entry.file)
        try:
            if path.is_symlink() or path.stat().st_size > MAX_MESSAGE_BYTES:
                _broken(where, f"{entry.file} is a link or larger than {MAX_MESSAGE_BYTES} bytes")
            return path.read_bytes()
        except OSError as error:
            _broken(where, f"{entry.file}: {error.strerror}")


def write(folder: Path, messages: Iterable[Recorded]) -> int:
    """How many messages were written; the folder is made if need be, its index replaced. Bytes read back unchanged.

    Raises:
        InputError: TOC-2103 where messages are not in order of time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    last_ms = 0
    for message in messages:
        if message.offset_ms < last_ms:
            _broken(f"message {len(lines) + 1}", "earlier than the one before")
        last_ms = message.offset_ms
        lines.append(json.dumps(_as_line(message), ensure_ascii=False, separators=(",", ":")))
    text = "".join(f"{line}\n" for line in lines)
    (folder / INDEX).write_text(text, encoding="utf-8", newline="\n")
    return len(lines)


def _as_line(message: Recorded) -> dict[str, Any]:
    seconds, millis = divmod(message.offset_ms, 1000)
    line: dict[str, Any] = {"at": message.offset_ms / 1000 if millis else seconds, "feed": message.feed}
    try:
        text = message.body.decode("utf-8")
    except UnicodeDecodeError:
        return line | {"b64": base64.b64encode(message.body).decode("ascii")}
    if text.startswith("\ufeff"):  # a reader may take a leading mark away
        return line | {"b64": base64.b64encode(message.body).decode("ascii")}
    return line | {"body": text}


def _broken(where: str, why: str) -> NoReturn:
    raise InputError(f"{where}: {why}.", code=_BROKEN)
