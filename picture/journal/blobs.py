"""What is too large for an entry: sealed files named by their own SHA-256, with room counted per source."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import Counter
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from picture.errors import JournalError
from picture.journal.segments import storage_errors
from picture.sealing import Keyring, Sealed

INLINE_LIMIT: Final = 64 << 10
"""Bytes above which a value lies here instead of in its entry."""

_BINDING: Final = b"tocsin blob"


class BlobStore:
    """Sealed blobs in ``folder/<source>/<sha256>``: named by the sealed bytes, which tell nothing of the value.

    Safe to share between threads of one process.
    """

    def __init__(self, folder: Path, keyring: Keyring, *, quota_bytes: int = 256 << 20) -> None:
        """``quota_bytes`` is each source's room, sealed size counted."""
        self.folder = folder
        self.quota_bytes = quota_bytes
        self._keyring = keyring
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._where: dict[str, Path] = {}
        for path in sorted(folder.glob("*/*")) if folder.is_dir() else ():
            if path.suffix != ".new":
                self._count(path, path.stat().st_size)

    def put(self, value: bytes, *, source: str, scope: str, retention: str) -> str:
        """The blob's id, once it is on disk; ``TOC-3107`` if the source has no room left for it."""
        sealed = self._keyring.seal(value, scope=scope, retention=retention, binding=_BINDING)
        head = json.dumps({"key": sealed.key, "nonce": base64.b64encode(sealed.nonce).decode()}).encode()
        data = head + b"\n" + sealed.ciphertext
        place = _place(source)
        with self._lock:
            if self._used[place] + len(data) > self.quota_bytes:
                raise JournalError(f"{source or 'the operators'}: {self.quota_bytes} bytes.", code="TOC-3107")
            name = sha256(data).hexdigest()
            self._write(self.folder / place / name, data)
            self._count(self.folder / place / name, len(data))
        return name

    def get(self, name: str) -> bytes | None:
        """The value, or None if it is not here or its key was destroyed; ``TOC-3002`` if it was altered."""
        with self._lock:
            path = self._where.get(name)
        if path is None:
            return None
        with storage_errors(name):
            data = path.read_bytes()
        if sha256(data).hexdigest() != name:
            raise JournalError(f"Blob {name} was altered.", code="TOC-3002")
        head, _, ciphertext = data.partition(b"\n")
        box = json.loads(head)
        return self._keyring.open(Sealed(box["key"], base64.b64decode(box["nonce"]), ciphertext), binding=_BINDING)

    def remove(self, keys: Collection[str]) -> tuple[str, ...]:
        """Ids of the blobs sealed under these keys, whose files are gone now; their room is free again."""
        removed = []
        with self._lock:
            for name, path in sorted(self._where.items()):
                with storage_errors(name):
                    if _key_of(path) not in keys:
                        continue
                    size = path.stat().st_size
                    path.unlink()
                del self._where[name]
                self._used[path.parent.name] -= size
                removed.append(name)
        return tuple(removed)

    def used_bytes(self, source: str) -> int:
        """How much of its room a source has taken."""
        return self._used[_place(source)]

    def _count(self, path: Path, size: int) -> None:
        self._where[path.name] = path
        self._used[path.parent.name] += size

    def _write(self, path: Path, data: bytes) -> None:
        fresh = path.with_suffix(".new")
        with storage_errors(path.name):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)


def _key_of(path: Path) -> str:
    with path.open("rb") as file:
        try:
            return str(json.loads(file.readline())["key"])
        except (ValueError, KeyError, TypeError):  # damaged: reading it will say so
            return ""


def _place(source: str) -> str:
    # Percent-quoting leaves dots: a source named ".." must not climb out of the folder.
    return quote(source, safe="").replace(".", "%2E") or "%"
