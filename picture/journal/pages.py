"""A sub-picture cut into pages of records, and put together from them: what a snapshot is made of.

A page is named by its bytes. A table is laid out as pages, and then as steps: what changed since the snapshot before.
Once its steps outweigh its pages, or are many, it is laid out anew; pages of the very records that stood on them
before are not spelled again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from hashlib import sha256
from itertools import islice
from operator import is_
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from pydantic_core import from_json, to_json

from picture.columns import Columns, columns_of
from picture.journal.sliding import Slid, gathered, slid
from picture.model import StreamPicture

PAGE_RECORDS: Final = 256
STEPS: Final = 32
"""Steps at most: each is a page to be read for a look back."""
_SLIDING: Final = "sensors"
"""The table whose steps leave out what stood there already."""


class Page(NamedTuple):
    """Some records of a table in the table's order, or of a step."""

    id: bytes
    keys: list[str]
    records: Sequence[Any]
    size: int
    """Its bytes."""


class Table(NamedTuple):
    """A table of the picture as pages and the steps since, the oldest first, and what it holds after them."""

    pages: list[Page]
    steps: list[Page]
    records: Mapping[str, Any]


Laid = dict[str, Table]
"""A picture's tables as pages."""


def laid_out(sub: StreamPicture, before: Laid, named: Callable[[bytes], bytes]) -> tuple[Laid, dict[bytes, bytes]]:
    """The tables as pages, and by id the bytes of those that ``before`` did not have; ``named`` gives bytes an id.

    Keeps the tables of ``sub``: nobody may change them from here on.
    """
    fresh: dict[bytes, bytes] = {}

    def spelled(columns: Columns, keys: list[str], records: Sequence[Any]) -> Page:
        out: list[list[Any]] = [keys]
        columns.put(records, out)
        data = zlib.compress(to_json(out))
        page = Page(named(data), keys, records, len(data))
        fresh[page.id] = data
        return page

    laid: Laid = {}
    for name, columns in _tables().items():
        now, known = getattr(sub, name), before.get(name)
        if known is None or not _steps_on(known, now):
            laid[name] = Table(_anew(columns, now, known, spelled), [], now)
            continue
        rows = [(key, record) for key, record in now.items() if known.records.get(key) is not record]
        steps = known.steps
        if rows:
            records = slid(rows, known.records) if name == _SLIDING else [record for _, record in rows]
            steps = [*steps, spelled(_of_step(name), [key for key, _ in rows], records)]
        laid[name] = Table(known.pages, steps, now)
    return laid, fresh


def _steps_on(known: Table, now: Mapping[str, Any]) -> bool:
    """Whether one more step is worth it; not where a key went away, which a step does not say."""
    if len(known.steps) >= STEPS or sum(page.size for page in known.steps) >= sum(page.size for page in known.pages):
        return False
    return list(islice(now, len(known.records))) == list(known.records)


def _anew(columns: Columns, now: Mapping[str, Any], known: Table | None, spelled: Callable[..., Page]) -> list[Page]:
    """A table's pages, each the known one at its place if that holds the very records."""
    stood = known.pages if known is not None else []
    pages: list[Page] = []
    rows = iter(now.items())
    while chunk := list(islice(rows, PAGE_RECORDS)):
        keys, records = [key for key, _ in chunk], [record for _, record in chunk]
        page = stood[len(pages)] if len(pages) < len(stood) else None
        if page is None or page.keys != keys or not all(map(is_, page.records, records)):
            page = spelled(columns, keys, records)
        pages.append(page)
    return pages


def page_of(name: bytes, table: str, data: bytes, *, step: bool) -> Page:
    """The page whose bytes these are; they are the reader's own, and not validated."""
    keys, *columns = from_json(zlib.decompress(data), cache_strings="none")
    spelled = _of_step(table) if step else _tables()[table]
    return Page(name, keys, spelled.take(iter(columns), len(keys)), len(data))


def table_of(name: str, pages: list[Page], steps: list[Page]) -> Table:
    """A table put together; ``ValueError`` if its pages are not whole."""
    records: dict[str, Any] = {}
    for page in pages:
        records.update(zip(page.keys, page.records, strict=True))
    if name == _SLIDING:
        gathered(records, ((page.keys, page.records) for page in steps))
        return Table(pages, steps, records)
    for page in steps:  # replaces a record where it stands; what is new comes at the end
        records.update(zip(page.keys, page.records, strict=True))
    return Table(pages, steps, records)


def manifest_of(sub: StreamPicture, laid: Laid) -> dict[str, Any]:
    """Which pages a sub-picture has, and all of it that is no table."""
    out: list[list[Any]] = []
    for name, columns in _others().items():
        columns.put([getattr(sub, name)], out)
    tables = {name: [[page.id.hex() for page in part] for part in table[:2]] for name, table in laid.items()}
    return {"others": out, "tables": tables}


def sub_of(manifest: dict[str, Any], laid: Laid) -> StreamPicture:
    """The sub-picture of a manifest and its pages, with tables of its own."""
    columns = iter(manifest["others"])
    parts = {name: other.take(columns, 1)[0] for name, other in _others().items()}
    return StreamPicture(**parts | {name: dict(table.records) for name, table in laid.items()})


@cache
def shape() -> str:
    """Changes whenever a record has other fields, even if nobody thought of the fold's version."""
    shapes = {name: columns.shape for name, columns in (_tables() | _others() | {"step": _of_step(_SLIDING)}).items()}
    return sha256(json.dumps(shapes).encode()).hexdigest()


@cache
def _tables() -> dict[str, Columns]:
    """How the records of each table lie in columns."""
    hints = get_type_hints(StreamPicture)
    return {name: columns_of(get_args(hint)[1]) for name, hint in hints.items() if get_origin(hint) is dict}


@cache
def _of_step(name: str) -> Columns:
    """How the records of a table lie in the columns of a step."""
    return columns_of(Slid) if name == _SLIDING else _tables()[name]


@cache
def _others() -> dict[str, Columns]:
    """How everything of a sub-picture that is no table lies in columns."""
    hints = get_type_hints(StreamPicture)
    return {field.name: columns_of(hints[field.name]) for field in fields(StreamPicture) if field.name not in _tables()}
