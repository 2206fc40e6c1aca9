"""Keys that live outside the journal: sealing of personal values, and signatures of cores and persons.

A sealed value stands in an entry only as ciphertext under a key per (scope, retention class). Destroying
that key forgets every value under it, in every copy of the journal, while the chain over the ciphertext
still verifies.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from picture.entry import canonical
from picture.errors import JournalError

_KEY_BYTES = 32
_NONCE_BYTES = 12
_CORE_KEY = "core.ed25519"


class Sealed(NamedTuple):
    """A value under a key."""

    key: str
    """Id of the key: random, never derived from what it seals."""
    nonce: bytes
    ciphertext: bytes


class Keyring:
    """The sealing keys of one world: one file of mode 0600 per key in ``folder``, made when first needed.

    A drill makes a keyring of its own in its own folder. Safe to share between threads.
    """

    def __init__(self, folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> None:
        """Opens the keyring, making the folder if there is none; a damaged key file is ``TOC-3108``."""
        self.folder = folder
        self._entropy = entropy
        self._lock = threading.Lock()
        self._current: dict[tuple[str, str], str] = {}
        self._scopes: dict[str, tuple[str, str]] = {}
        self._ciphers: dict[str, ChaCha20Poly1305] = {}
        _private_folder(folder)
        for path in sorted(folder.glob("*.key")):
            self._load(path)

    def seal(self, value: bytes, *, scope: str, retention: str, binding: bytes) -> Sealed:
        """The value under the scope's key. ``binding`` says where it belongs: it opens only there."""
        with self._lock:
            key = self._current.get((scope, retention)) or self._make(scope, retention)
            cipher = self._ciphers[key]
        nonce = self._entropy(_NONCE_BYTES)
        return Sealed(key, nonce, cipher.encrypt(nonce, value, _bound(key, binding)))

    def open(self, sealed: Sealed, *, binding: bytes) -> bytes | None:
        """The value, or None if its key was destroyed or is not in this keyring; ``TOC-3002`` if it was altered."""
        with self._lock:
            cipher = self._ciphers.get(sealed.key)
        if cipher is None:
            return None
        try:
            return cipher.decrypt(sealed.nonce, sealed.ciphertext, _bound(sealed.key, binding))
        except InvalidTag:
            raise JournalError(f"A value under key {sealed.key} is not what was sealed.", code="TOC-3002") from None

    def shred(self, scope: str, retention: str) -> tuple[str, ...]:
        """Ids of the keys destroyed: what they sealed can never be opened again.

        The file is overwritten before it is removed. A copy of the folder elsewhere, or a disk that writes
        elsewhere than it is told, keeps the key: keep this folder out of backups, on an encrypted disk.
        """
        with self._lock:
            doomed = tuple(key for key, where in self._scopes.items() if where == (scope, retention))
            for key in doomed:
                _destroy(self.folder / f"{key}.key", self._entropy)
                del self._scopes[key], self._ciphers[key]
            self._current.pop((scope, retention), None)
        return doomed

    def holds(self, key: str) -> bool:
        """Whether values under this key can be opened."""
        return key in self._ciphers

    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Every (scope, retention class) that has a key now, sorted."""
        return tuple(sorted(self._current))

    def _make(self, scope: str, retention: str) -> str:
        key, secret = self._entropy(8).hex(), self._entropy(_KEY_BYTES)
        record = {"key": _text(secret), "retention": retention, "scope": scope}
        # On disk before the first value is sealed: a value whose key a crash took would be lost for ever.
        _write_private(self.folder / f"{key}.key", canonical(record))
        self._hold(key, scope, retention, secret)
        return key

    def _load(self, path: Path) -> None:
        try:
            record = json.loads(path.read_bytes())
            scope, retention = str(record["scope"]), str(record["retention"])
            self._hold(path.stem, scope, retention, base64.b64decode(record["key"], validate=True))
        except (ValueError, KeyError, TypeError):
            raise JournalError(f"{path.name} cannot be read.", code="TOC-3108") from None

    def _hold(self, key: str, scope: str, retention: str, secret: bytes) -> None:
        self._ciphers[key] = ChaCha20Poly1305(secret)
        self._scopes[key] = (scope, retention)
        self._current[scope, retention] = key


# --- signatures ---------------------------------------------------------------------------------------


def core_signing_key(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> Ed25519PrivateKey:
    """The key a core signs its journal with: the one in ``folder``, or a new one of mode 0600."""
    _private_folder(folder)
    path = folder / _CORE_KEY
    if not path.exists():
        _write_private(path, _text(entropy(_KEY_BYTES)).encode())
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes(), validate=True))
    except ValueError:
        raise JournalError(f"{path.name} cannot be read.", code="TOC-3108") from None


def drill_signing_key(seed: str, person: str) -> Ed25519PrivateKey:
    """A throw-away key that a drill's seed and a person's name give again in every run.

    It proves nothing to anybody: whoever knows the seed can sign with it. Live and what-if worlds refuse
    it.
    """
    return Ed25519PrivateKey.from_private_bytes(sha256(f"tocsin drill\x1f{seed}\x1f{person}".encode()).digest())


def new_signing_key(entropy: Callable[[int], bytes] = os.urandom) -> Ed25519PrivateKey:
    """A fresh key for a person, to be kept by their client."""
    return Ed25519PrivateKey.from_private_bytes(entropy(_KEY_BYTES))


def public_key_text(key: Ed25519PrivateKey) -> str:
    """The public half as it stands in entries and headers: base64 of 32 bytes."""
    return _text(key.public_key().public_bytes_raw())


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """The signature of a message: base64 of 64 bytes."""
    return _text(key.sign(message))


def signature_fits(public_key: str, message: bytes, signature: str) -> bool:
    """Whether the holder of this public key signed this message; malformed text does not fit."""
    try:
        holder = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        holder.verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


# --- files --------------------------------------------------------------------------------------------


def _bound(key: str, binding: bytes) -> bytes:
    return key.encode() + b"\x1f" + binding


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise JournalError(f"{folder.name}: {error.strerror}.") from error


def _write_private(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path.name}: {error.strerror}.") from error


def _destroy(path: Path, entropy: Callable[[int], bytes]) -> None:
    try:
        with path.open("r+b") as file:
            file.write(entropy(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync_folder(path.parent)
    except OSError as error:
        raise JournalError(f"{path.name}: {error.strerror}; the key may still exist.") from error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened for syncing
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
