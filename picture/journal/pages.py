"""A sub-picture cut into pages of records, and put together from them: what a snapshot is made of.

A page is named by its bytes. One whose records are mostly the very ones of the picture before is not spelled again;
those that changed go to a patch.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from pydantic_core import from_json, to_json

from picture.columns import Columns, columns_of
from picture.model import StreamPicture

PAGE_RECORDS: Final = 256


class Page(NamedTuple):
    """Some records of a table, in the table's order."""

    id: bytes
    keys: list[str]
    records: Sequence[Any]


class Table(NamedTuple):
    """A table of the picture as pages, and what changed since on pages of which most did not."""

    pages: list[Page]
    patches: list[Page]


Laid = dict[str, Table]
"""A picture's tables as pages."""


def laid_out(sub: StreamPicture, before: Laid, named: Callable[[bytes], bytes]) -> tuple[Laid, dict[bytes, bytes]]:
    """The tables as pages, and by id the bytes of those that ``before`` did not have; ``named`` gives bytes an id."""
    laid: Laid = {}
    fresh: dict[bytes, bytes] = {}

    def spelled(columns: Columns, rows: Sequence[tuple[str, Any]]) -> Page:
        keys, records = [key for key, _ in rows], [record for _, record in rows]
        out: list[list[Any]] = [keys]
        columns.put(records, out)
        data = zlib.compress(to_json(out))
        page = Page(named(data), keys, records)
        fresh[page.id] = data
        return page

    for name, columns in _tables().items():
        known = before[name].pages if name in before else []
        pages: list[Page] = []
        changed: list[tuple[str, Any]] = []
        rows = iter(getattr(sub, name).items())
        while chunk := list(islice(rows, PAGE_RECORDS)):
            page = known[len(pages)] if len(pages) < len(known) else None
            since = None if page is None else _changed(page, chunk)
            if page is None or since is None or len(since) * 2 > len(chunk):
                page, since = spelled(columns, chunk), []
            pages.append(page)
            changed += since
        parts = range(0, len(changed), PAGE_RECORDS)
        laid[name] = Table(pages, [spelled(columns, changed[at : at + PAGE_RECORDS]) for at in parts])
    return laid, fresh


def _changed(page: Page, rows: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]] | None:
    """The rows whose records are not the page's own; None where it has other keys."""
    if page.keys != [key for key, _ in rows]:
        return None
    return [row for row, record in zip(rows, page.records, strict=True) if row[1] is not record]


def page_of(name: bytes, table: str, data: bytes) -> Page:
    """The page whose bytes these are; they are the reader's own, and not validated."""
    keys, *columns = from_json(zlib.decompress(data))
    return Page(name, keys, _tables()[table].take(iter(columns), len(keys)))


def manifest_of(sub: StreamPicture, laid: Laid) -> dict[str, Any]:
    """Which pages a sub-picture has, and all of it that is no table."""
    out: list[list[Any]] = []
    for name, columns in _others().items():
        columns.put([getattr(sub, name)], out)
    tables = {name: [[page.id.hex() for page in part] for part in table] for name, table in laid.items()}
    return {"others": out, "tables": tables}


def sub_of(manifest: dict[str, Any], laid: Laid) -> StreamPicture:
    """The sub-picture of a manifest and its pages, with tables of its own."""
    columns = iter(manifest["others"])
    parts = {name: other.take(columns, 1)[0] for name, other in _others().items()}
    sub = StreamPicture(**parts)
    for name, pages in laid.items():
        table = getattr(sub, name)
        for page in (*pages.pages, *pages.patches):  # a patch replaces where the record stands, and keeps the order
            table.update(zip(page.keys, page.records, strict=True))
    return sub


@cache
def shape() -> str:
    """Changes whenever a record has other fields, even if nobody thought of the fold's version."""
    shapes = {name: columns.shape for name, columns in (_tables() | _others()).items()}
    return sha256(json.dumps(shapes).encode()).hexdigest()


@cache
def _tables() -> dict[str, Columns]:
    """How the records of each table lie in columns."""
    hints = get_type_hints(StreamPicture)
    return {name: columns_of(get_args(hint)[1]) for name, hint in hints.items() if get_origin(hint) is dict}


@cache
def _others() -> dict[str, Columns]:
    """How everything of a sub-picture that is no table lies in columns."""
    hints = get_type_hints(StreamPicture)
    return {field.name: columns_of(hints[field.name]) for field in fields(StreamPicture) if field.name not in _tables()}
