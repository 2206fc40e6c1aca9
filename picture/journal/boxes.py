"""The sealed part of an entry: ``{path: box}``, where a box is a value under a key, or the id of a blob.

Every box is bound to its stream, commit, index and path: moved anywhere else, it does not open.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from operator import itemgetter
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from picture.entry import canonical
from picture.errors import JournalError
from picture.events import Event, sealed_paths, sealed_values
from picture.journal.blobs import INLINE_LIMIT, BlobStore
from picture.journal.chain import Row, decoded_event
from picture.sealing import Keyring, Sealed


def boxed(
    event: Event, place: tuple[str, str, int], *, keyring: Keyring, blobs: BlobStore | None, source: str
) -> bytes:
    """The sealed part of an event, empty if it has nothing to seal; ``place`` is stream, commit id and index.

    A value above 64 kB goes to the blob store, on the account of its source.
    """
    if not _may_seal(type(event)):
        return b""
    scope, retention = event.key_scope(), event.retention
    bound = canonical(place)
    boxes: list[str] = []
    for path, value in sorted(sealed_values(event), key=itemgetter(0)):
        data = to_json(value)
        if len(data) > INLINE_LIMIT and blobs is not None:
            boxes.append(f'"{path}":{{"blob":"{blobs.put(data, source=source, scope=scope, retention=retention)}"}}')
            continue
        key, nonce, ciphertext = keyring.seal(data, scope=scope, retention=retention, binding=_binding(bound, path))
        boxes.append(f'"{path}":{{"ciphertext":"{_text(ciphertext)}","key":"{key}","nonce":"{_text(nonce)}"}}')
    return f"{{{','.join(boxes)}}}".encode() if boxes else b""


def unboxed(stream: str, row: Row, path: str, *, keyring: Keyring | None, blobs: BlobStore | None) -> object | None:
    """The value sealed at a path of an entry, typed as its event's field.

    None if nothing is sealed there, or its key was destroyed or is not here; ``TOC-3002`` if it was
    altered.
    """
    box = json.loads(row.sealed).get(path) if row.sealed else None
    if box is None or keyring is None:
        return None
    try:
        if "blob" in box:
            value = blobs.get(box["blob"]) if blobs is not None else None
        else:
            sealed = Sealed(box["key"], base64.b64decode(box["nonce"]), base64.b64decode(box["ciphertext"]))
            bound = canonical((stream, row.commit_id, row.commit_index))
            value = keyring.open(sealed, binding=_binding(bound, path))
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"The sealed part of entry {row.seq} was altered.", code="TOC-3002") from error
    return None if value is None else _typed(decoded_event(row.kind, row.kind_v, row.payload), path, value)


def _binding(place: bytes, path: str) -> bytes:
    return place + path.encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _typed(event: Event, path: str, value: bytes) -> object:
    owner: Any = event
    *outer, name = path.split(".")
    for step in outer:
        owner = getattr(owner, step, None)
    if not isinstance(owner, BaseModel) or name not in type(owner).model_fields:
        return json.loads(value)  # a field of an older version of its kind
    return _adapter(type(owner), name).validate_json(value)


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    annotation: Any = model.model_fields[name].annotation
    return TypeAdapter(annotation)


@cache
def _may_seal(model: type[BaseModel]) -> bool:
    """Whether an instance can hold a sealed value: most kinds cannot, and need not be searched each time."""
    return bool(sealed_paths(model)) or any(_may_hold(field.annotation) for field in model.model_fields.values())


def _may_hold(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return bool(sealed_paths(annotation))
    return any(_may_hold(part) for part in get_args(annotation))
