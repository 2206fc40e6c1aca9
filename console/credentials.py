"""Credentials sealed to their world: a copy of one opens in no other world, wherever it is carried.

What is stored, in ``credentials.toml``, an environment variable or a file, is never the secret but its sealed text
``tocsin1.<world>.<name>.<base64>``, encrypted under a key that lies in that world's ``keys/`` alone and bound to world
and name. So a sealed text says whose it is, which is how a drill knows a live one wherever it was planted.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from picture.errors import RefusedError, UsageError

WorldName = Literal["live", "drill", "whatif"]
FILE: Final = "credentials.toml"
MARK: Final = "world.json"
"""Says in a world's folder whose it is."""
_KEY: Final = "credentials.chacha20"
"""Not ``*.key``: those are the keyring's."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_SEALED: Final = re.compile(r"tocsin1\.(live|drill|whatif)\.([A-Za-z0-9][A-Za-z0-9_-]{0,39})\.([A-Za-z0-9+/=]+)")
_NONCE_BYTES: Final = 12
_OURS: Final = ("journal", "blobs", "keys", "secrets", FILE)
"""What a world's folder must hold itself, never by a link to another's."""
_SCAN_BYTES: Final = 1 << 20

_ANOTHER_WORLD: Final = "TOC-4020"
_LIVE_IN_DRILL: Final = "TOC-4007"
_FOREIGN_FOLDER: Final = "TOC-4022"
_NOT_SEALED: Final = "TOC-1010"


class _File(BaseModel):
    """``credentials.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    world: WorldName
    credentials: dict[str, str] = Field(default_factory=dict)


# --- whose is it ------------------------------------------------------------------------------------------


def claim(folder: Path, world: WorldName) -> None:
    """Marks a folder as this world's, for ever; ``RefusedError`` TOC-4022 where it, or a part of it, is another's."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    mark = folder / MARK
    try:
        said = json.loads(mark.read_text(encoding="utf-8"))["world"]
    except FileNotFoundError:
        mark.write_text(json.dumps({"world": world}), encoding="utf-8")
        said = world
    except (ValueError, KeyError, TypeError):
        raise RefusedError(f"{folder.name}/{MARK} cannot be read.", code=_FOREIGN_FOLDER) from None
    if said != world:
        raise RefusedError(f"{folder.name} is a {said} world's, this is {world}.", code=_FOREIGN_FOLDER)
    for name in _OURS:
        if (folder / name).is_symlink():
            raise RefusedError(f"{folder.name}/{name} leads elsewhere.", code=_FOREIGN_FOLDER)


def world_of(folder: Path) -> str:
    """Whose a folder is; empty where it does not say."""
    try:
        return str(json.loads((folder / MARK).read_text(encoding="utf-8"))["world"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def refuse_other_worlds(world: WorldName, places: Iterable[tuple[str, str]]) -> None:
    """Returns where none of these (place, text) holds a credential of another world; else names place and world.

    Raises:
        RefusedError: TOC-4007 for a live one in a drill, TOC-4020 for any other; neither repeats it.
    """
    for place, text in places:
        for found in _SEALED.finditer(text):
            if found[1] != world:
                raise _foreign(place, found[2], found[1], world)


def _foreign(place: str, name: str, its: str, ours: WorldName) -> RefusedError:
    code = _LIVE_IN_DRILL if its == "live" and ours == "drill" else _ANOTHER_WORLD
    return RefusedError(f"{place}: the credential {name} is sealed to the world {its}, this is {ours}.", code=code)


def in_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The places an environment has."""
    for name, value in environ.items():
        yield f"environment variable {name}", value


def in_files(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """The places that files are; what is not there is passed over."""
    for path in paths:
        try:
            with path.open("rb") as file:
                yield f"{path.parent.name}/{path.name}", file.read(_SCAN_BYTES).decode("latin-1")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise UsageError(f"{path.name}: {error.strerror}.", code="TOC-1006") from None


def in_descriptors(descriptors: Path = Path("/proc/self/fd")) -> Iterator[tuple[str, str]]:
    """The places that inherited open files are, where the system tells of them; nothing of a pipe is read."""
    for number in sorted(int(one.name) for one in descriptors.iterdir()) if descriptors.is_dir() else ():
        if number <= 2:
            continue
        try:
            if stat.S_ISREG(os.fstat(number).st_mode):
                name = Path(os.readlink(descriptors / str(number))).name
                yield f"file descriptor {number} ({name})", os.pread(number, _SCAN_BYTES, 0).decode("latin-1")
        except OSError:
            continue  # closed since it was listed, or not open for reading


# --- a world's own ----------------------------------------------------------------------------------------


class Vault:
    """The credentials of one world."""

    def __init__(self, folder: Path, world: WorldName) -> None:
        """``folder`` is the world's; it is claimed for it."""
        claim(folder, world)
        self.world: WorldName = world
        self.path = folder / FILE
        self._key_path = folder / "keys" / _KEY

    def seal(self, name: str, secret: str) -> str:
        """The sealed text of a secret, to be stored anywhere; it opens in this world alone, under this name."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name[:40]!a} is no name for a credential: letters, digits, - and _, 40 at most.")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher().encrypt(nonce, secret.encode("utf-8"), self._bound(name))
        return f"tocsin1.{self.world}.{name}.{base64.b64encode(sealed).decode()}"

    def add(self, name: str, secret: str) -> None:
        """Stores a secret under a name, in place of what stood there."""
        sealed = self.seal(name, secret)
        known = self._read() | {name: sealed}
        lines = [f'world = "{self.world}"', "", "[credentials]", *(f'{one} = "{known[one]}"' for one in sorted(known))]
        _write_private(self.path, ("\n".join(lines) + "\n").encode())

    def remove(self, name: str) -> bool:
        """Whether there was one to remove."""
        known = self._read()
        if name not in known:
            return False
        del known[name]
        lines = [f'world = "{self.world}"', "", "[credentials]", *(f'{one} = "{known[one]}"' for one in sorted(known))]
        _write_private(self.path, ("\n".join(lines) + "\n").encode())
        return True

    def names(self) -> tuple[str, ...]:
        """What is stored here, by name."""
        return tuple(sorted(self._read()))

    def stored(self, name: str) -> str:
        """The secret of this name in ``credentials.toml``; ``UsageError`` TOC-1010 where there is none."""
        known = self._read()
        if name not in known:
            raise UsageError(f"{FILE} has no credential {name}.", code=_NOT_SEALED)
        return self.opened(known[name], FILE, name)

    def from_environment(self, variable: str, environ: Mapping[str, str]) -> str:
        """The secret whose sealed text an environment variable holds."""
        return self.opened(environ.get(variable, ""), f"environment variable {variable}")

    def from_file(self, path: Path) -> str:
        """The secret whose sealed text a file holds, which nobody else may read."""
        _require_private(path)
        return self.opened(path.read_text(encoding="utf-8", errors="replace").strip(), path.name)

    def opened(self, text: str, place: str, name: str = "") -> str:
        """The secret of a sealed text, found at a place; refusals name the place and never repeat what stood there.

        Raises:
            UsageError: TOC-1010 where it is no sealed text, or another name's.
            RefusedError: TOC-4007 or TOC-4020 where it is another world's, also where it only says that it is ours.
        """
        found = _SEALED.fullmatch(text)
        if found is None or (name and found[2] != name):
            raise UsageError(f"{place}: there is no sealed credential {name}".rstrip() + ".", code=_NOT_SEALED)
        if found[1] != self.world:
            raise _foreign(place, found[2], found[1], self.world)
        try:
            sealed = base64.b64decode(found[3], validate=True)
            secret = self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._bound(found[2]))
        except (InvalidTag, ValueError, binascii.Error):
            raise RefusedError(
                f"{place}: the credential {found[2]} was not sealed under this world's key.", code=_ANOTHER_WORLD
            ) from None
        return secret.decode("utf-8")

    def _bound(self, name: str) -> bytes:
        return f"tocsin credential\x1f{self.world}\x1f{name}".encode()

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        _require_private(self.path)
        try:
            held = _File.model_validate(tomllib.loads(self.path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError):
            # The cause would print lines of the file.
            raise UsageError(f"{self.path.name} is not a credentials file.", code=_NOT_SEALED) from None
        if held.world != self.world:
            raise _foreign(FILE, next(iter(held.credentials), "file"), held.world, self.world)
        return dict(held.credentials)

    def _cipher(self) -> ChaCha20Poly1305:
        if not self._key_path.exists():
            self._key_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_private(self._key_path, base64.b64encode(os.urandom(32)))
        _require_private(self._key_path)
        try:
            return ChaCha20Poly1305(base64.b64decode(self._key_path.read_bytes(), validate=True))
        except ValueError:
            raise UsageError(f"keys/{_KEY} cannot be read.", code=_NOT_SEALED) from None


def _require_private(path: Path) -> None:
    try:
        open_to_others = path.stat().st_mode & 0o077
    except OSError as error:
        raise UsageError(f"{path.name}: {error.strerror}.", code=_NOT_SEALED) from None
    if open_to_others:
        raise UsageError(f"{path.name} can be read by others: set its mode to 0600.", code=_NOT_SEALED)


def _write_private(path: Path, data: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
