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
from collections.abc import Callable, Iterable
from hashlib import sha256
from itertools import pairwise
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
_NEXT, _OLD = ".next", ".old"
_KEY, _DOOMED = ".key", ".doomed"


class Sealed(NamedTuple):
    """A value under a key."""

    key: str
    """Id of the key: random, never derived from what it seals."""
    nonce: bytes
    ciphertext: bytes


class KeyInfo(NamedTuple):
    """What is known of a sealing key, without its secret."""

    id: str
    scope: str
    retention: str
    generation: int
    """1, 2 … within its scope and retention class; the highest one seals."""
    made_ms: int
    """When it took over; 0 for a scope's first key, which is made when something is first sealed."""
    retired_ms: int | None
    """When its successor took over; None while it seals."""
    doomed: bool
    """Nothing opens with it any more; its file is still to be destroyed."""

    @property
    def place(self) -> tuple[str, str]:
        """Scope and retention class."""
        return self.scope, self.retention


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
        self._known: dict[str, KeyInfo] = {}
        self._ciphers: dict[str, ChaCha20Poly1305] = {}
        _private_folder(folder)
        for path in sorted((*folder.glob(f"*{_KEY}"), *folder.glob(f"*{_DOOMED}"))):
            self._load(path)

    def seal(self, value: bytes, *, scope: str, retention: str, binding: bytes) -> Sealed:
        """The value under the scope's key. ``binding`` says where it belongs: it opens only there."""
        with self._lock:
            key = self._current.get((scope, retention)) or self._make(scope, retention, 0)
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

    def renew(self, scope: str, retention: str, *, at_ms: int) -> str:
        """The id of a fresh key: what comes now is sealed under it, and the older keys still open what they sealed."""
        with self._lock:
            return self._make(scope, retention, at_ms)

    def doom(self, keys: Iterable[str]) -> tuple[KeyInfo, ...]:
        """The keys that open nothing from now on, neither here nor after a restart; ``destroy_doomed`` ends them.

        Two steps, so that the journal's word about it stands between them: what it calls forgotten cannot be opened,
        and a crash never loses which keys it was.
        """
        with self._lock:
            doomed = []
            for key in keys:
                info = self._known.get(key)
                if info is None:
                    continue
                if not info.doomed:
                    _rename(self.folder / f"{key}{_KEY}", self.folder / f"{key}{_DOOMED}")
                    self._ciphers.pop(key, None)
                    if self._current.get(info.place) == key:
                        del self._current[info.place]
                doomed.append(info._replace(doomed=True))
                self._known[key] = doomed[-1]
            return tuple(doomed)

    def destroy_doomed(self, keys: Iterable[str] | None = None) -> tuple[str, ...]:
        """Ids of the keys destroyed, of these or of all that are doomed: what they sealed is gone for ever.

        A file is overwritten before it is removed. A copy of the folder elsewhere, or a disk that writes elsewhere
        than it is told, keeps the key: keep this folder out of backups, on an encrypted disk.
        """
        with self._lock:
            wanted = set(self._known) if keys is None else set(keys)
            doomed = sorted(key for key, info in self._known.items() if info.doomed and key in wanted)
            for key in doomed:
                _destroy(self.folder / f"{key}{_DOOMED}", self._entropy)
                del self._known[key]
        return tuple(doomed)

    def shred(self, scope: str, retention: str) -> tuple[str, ...]:
        """Ids of the scope's keys, destroyed at once: what they sealed can never be opened again."""
        mine = [info.id for info in self.inventory() if info.place == (scope, retention)]
        self.doom(mine)
        return self.destroy_doomed(mine)

    def holds(self, key: str) -> bool:
        """Whether values under this key can be opened."""
        return key in self._ciphers

    def inventory(self) -> tuple[KeyInfo, ...]:
        """Every key there is, doomed ones too: by scope, retention class and generation."""
        with self._lock:
            known = sorted(self._known.values(), key=lambda info: (info.place, info.generation))
        retired = {older.id: newer.made_ms for older, newer in pairwise(known) if older.place == newer.place}
        return tuple(info._replace(retired_ms=retired.get(info.id)) for info in known)

    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Every (scope, retention class) that has a key now, sorted."""
        with self._lock:
            return tuple(sorted(self._current))

    def _make(self, scope: str, retention: str, made_ms: int) -> str:
        key, secret = self._entropy(8).hex(), self._entropy(_KEY_BYTES)
        generation = 1 + max((i.generation for i in self._known.values() if i.place == (scope, retention)), default=0)
        info = KeyInfo(key, scope, retention, generation, made_ms, None, doomed=False)
        record = {
            "generation": generation, "key": _text(secret), "made_ms": made_ms, "retention": retention, "scope": scope,
        }  # fmt: skip
        # On disk before the first value is sealed: a value whose key a crash took would be lost for ever.
        _write_private(self.folder / f"{key}{_KEY}", canonical(record))
        self._hold(info, secret)
        return key

    def _load(self, path: Path) -> None:
        doomed = path.suffix == _DOOMED
        try:
            record = json.loads(path.read_bytes())
            scope, retention = str(record["scope"]), str(record["retention"])
            generation, made_ms = int(record.get("generation", 1)), int(record.get("made_ms", 0))
            info = KeyInfo(path.stem, scope, retention, generation, made_ms, None, doomed=doomed)
            self._hold(info, base64.b64decode(record["key"], validate=True))
        except (ValueError, KeyError, TypeError, AttributeError):
            if doomed:  # it was being overwritten when the machine stopped
                path.unlink(missing_ok=True)
                return
            raise JournalError(f"{path.name} cannot be read.", code="TOC-3108") from None

    def _hold(self, info: KeyInfo, secret: bytes) -> None:
        cipher = ChaCha20Poly1305(secret)
        self._known[info.id] = info
        if info.doomed:
            return
        self._ciphers[info.id] = cipher
        current = self._current.get(info.place)
        if current is None or self._known[current].generation <= info.generation:
            self._current[info.place] = info.id


# --- signatures ---------------------------------------------------------------------------------------


def core_signing_key(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> Ed25519PrivateKey:
    """The key a core signs its journal with: the one in ``folder``, or a new one of mode 0600."""
    _private_folder(folder)
    path = folder / _CORE_KEY
    if not path.exists():
        _write_private(path, _text(entropy(_KEY_BYTES)).encode())
    return read_signing_key(path)


def read_signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file that ``core_signing_key`` or ``put_next_core_key`` wrote; ``TOC-3108`` if it holds none."""
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes().strip(), validate=True))
    except (OSError, ValueError):
        raise JournalError(f"{path.name} cannot be read.", code="TOC-3108") from None


def put_next_core_key(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> Ed25519PrivateKey:
    """A fresh key for a core, on disk beside the present one, which it does not replace yet."""
    path = folder / (_CORE_KEY + _NEXT)
    _write_private(path, _text(entropy(_KEY_BYTES)).encode())
    return read_signing_key(path)


def next_core_key(folder: Path) -> Ed25519PrivateKey | None:
    """The key that waits to replace the core's, or None."""
    path = folder / (_CORE_KEY + _NEXT)
    return read_signing_key(path) if path.exists() else None


def take_next_core_key(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> None:
    """Puts the waiting key in the core's place and destroys the old one; at no moment is there none."""
    path, old = folder / _CORE_KEY, folder / (_CORE_KEY + _OLD)
    try:
        old.unlink(missing_ok=True)
        if path.exists():
            os.link(path, old)
        (folder / (_CORE_KEY + _NEXT)).replace(path)
        _sync_folder(folder)
    except OSError as error:
        raise JournalError(f"{path.name}: {error.strerror}.") from error
    if old.exists():
        _destroy(old, entropy)


def endorse(old: Ed25519PrivateKey, new_public: str, stream: str) -> str:
    """The old key's word that this stream goes on under the new one."""
    return sign(old, _endorsed(new_public, stream))


def endorsement_fits(old_public: str, new_public: str, stream: str, endorsement: str) -> bool:
    """Whether the holder of the old key said that this stream goes on under the new one."""
    return signature_fits(old_public, _endorsed(new_public, stream), endorsement)


def _endorsed(new_public: str, stream: str) -> bytes:
    return b"tocsin key\n" + canonical({"new": new_public, "stream": stream})


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


def _rename(path: Path, to: Path) -> None:
    try:
        path.replace(to)
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
