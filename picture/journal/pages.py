"""A sub-picture cut into pages of records, and put together from them: what a snapshot is made of.

A page is named by its bytes, and one whose records are the very ones of the picture before is not spelled again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from hashlib import sha256
from itertools import islice
from operator import is_
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


Laid = dict[str, list[Page]]
"""A picture's tables as pages."""


def laid_out(sub: StreamPicture, before: Laid, named: Callable[[bytes], bytes]) -> tuple[Laid, dict[bytes, bytes]]:
    """The tables as pages, and by id the bytes of those that ``before`` did not have; ``named`` gives bytes an id."""
    laid: Laid = {}
    fresh: dict[bytes, bytes] = {}
    for name, columns in _tables().items():
        known, pages = before.get(name, []), laid.setdefault(name, [])
        rows = iter(getattr(sub, name).items())
        while chunk := list(islice(rows, PAGE_RECORDS)):
            keys, records = [key for key, _ in chunk], [record for _, record in chunk]
            page = known[len(pages)] if len(pages) < len(known) else None
            if page is None or page.keys != keys or not all(map(is_, page.records, records)):
                out: list[list[Any]] = [keys]
                columns.put(records, out)
                data = zlib.compress(to_json(out))
                page = Page(named(data), keys, records)
                fresh[page.id] = data
            pages.append(page)
    return laid, fresh


def page_of(name: bytes, table: str, data: bytes) -> Page:
    """The page whose bytes these are; they are the reader's own, and not validated."""
    keys, *columns = from_json(zlib.decompress(data))
    return Page(name, keys, _tables()[table].take(iter(columns), len(keys)))


def manifest_of(sub: StreamPicture, laid: Laid) -> dict[str, Any]:
    """Which pages a sub-picture has, and all of it that is no table."""
    out: list[list[Any]] = []
    for name, columns in _others().items():
        columns.put([getattr(sub, name)], out)
    return {"others": out, "tables": {name: [page.id.hex() for page in pages] for name, pages in laid.items()}}


def sub_of(manifest: dict[str, Any], laid: Laid) -> StreamPicture:
    """The sub-picture of a manifest and its pages, with tables of its own."""
    columns = iter(manifest["others"])
    parts = {name: other.take(columns, 1)[0] for name, other in _others().items()}
    sub = StreamPicture(**parts)
    for name, pages in laid.items():
        table = getattr(sub, name)
        for page in pages:
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
