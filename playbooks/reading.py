"""YAML read strictly: plain data with the line and column of every key and value, and nothing clever.

Anchors, aliases, tags, duplicate keys and large files are refused, so a playbook says on the page what it says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from picture.errors import PlaybookError

MAX_BYTES: Final = 256 * 1024
_MAX_DEPTH: Final = 24
Path_ = tuple[str | int, ...]
Place = tuple[int, int]
"""(line, column), counted from 1."""


class Document:
    """A YAML file as plain data. ``at(path)`` tells where something stands."""

    def __init__(self, name: str, data: Any, places: dict[Path_, Place]) -> None:
        self.name, self.data, self._places = name, data, places

    def at(self, path: Path_) -> Place:
        """Line and column of a key or item; of the nearest thing around it where it is not in the file."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, (1, 1))

    def has(self, path: Path_) -> bool:
        """Whether the file itself says something there."""
        return path in self._places


def read_document(path: Path) -> Document:
    """The file as a Document; PlaybookError TOC-6102 with the line where it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise PlaybookError(f"{path.name}: {fault.strerror}.", code="TOC-6102") from None
    if len(raw) > MAX_BYTES:
        raise PlaybookError(f"{path.name}: {len(raw)} bytes are too many.", code="TOC-6102")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise PlaybookError(f"{path.name}: byte {fault.start} is not UTF-8.", code="TOC-6102") from None
    return parse_document(path.name, text)


def parse_document(name: str, text: str) -> Document:
    """The text as a Document; PlaybookError TOC-6102 with the line where it cannot be read."""
    yaml = YAML(typ="rt", pure=True)
    try:
        for event in yaml.parse(text):
            _refuse_cleverness(name, event)
        data = yaml.load(text)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise PlaybookError(f"{name}: {where}{fault.problem or 'not YAML'}.", code="TOC-6102") from None
    except (YAMLError, RecursionError, ValueError) as fault:
        raise PlaybookError(f"{name}: {fault}.", code="TOC-6102") from None
    if not isinstance(data, CommentedMap):
        raise PlaybookError(f"{name}: line 1: a playbook is a mapping of keys.", code="TOC-6102")
    places: dict[Path_, Place] = {(): (1, 1)}
    return Document(name, _plain(name, data, (), places), places)


def _refuse_cleverness(name: str, event: Any) -> None:
    mark = event.start_mark
    where = f"{name}: line {mark.line + 1}, column {mark.column + 1}" if mark else name
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        raise PlaybookError(f"{where}: anchors and aliases are not read.", code="TOC-6102")
    if getattr(event, "ctag", None) or (getattr(event, "tag", None) and not getattr(event, "implicit", True)):
        raise PlaybookError(f"{where}: tags are not read.", code="TOC-6102")


def _plain(name: str, node: Any, path: Path_, places: dict[Path_, Place]) -> Any:
    if len(path) > _MAX_DEPTH:
        raise PlaybookError(f"{name}: line {places[path[:-1]][0]}: nested too deeply.", code="TOC-6102")
    if isinstance(node, CommentedMap):
        for key in node:
            line, column = node.lc.key(key)
            places[(*path, key)] = (line + 1, column + 1)
        return {key: _plain(name, value, (*path, key), places) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        for index in range(len(node)):
            line, column = node.lc.item(index)
            places[(*path, index)] = (line + 1, column + 1)
        return [_plain(name, value, (*path, index), places) for index, value in enumerate(node)]
    if node is None or isinstance(node, bool):
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    line, column = places.get(path, (1, 1))
    raise PlaybookError(
        f"{name}: line {line}, column {column}: {type(node).__name__} is not read; quote it.", code="TOC-6102"
    )
