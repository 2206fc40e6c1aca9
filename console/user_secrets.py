"""What proves who a user is, kept beside the journal and never in it: hashes of tokens, sealed second factors.

One file of mode 0600 per user in ``keys/users/`` of the world. A token is 256 random bits, shown once and kept as a
keyed hash; a second factor (TOTP, RFC 6238) must be readable to be checked, so it is sealed with the world's keyring.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyotp
from pydantic import BaseModel, ConfigDict, ValidationError

from picture.errors import JournalError
from picture.sealing import Keyring, Sealed

STEP_S = 30
WINDOW = 1
"""Steps that an authenticator's clock may be off, each way (RFC 6238 §5.2)."""
TICKET_MS = 14 * 3_600_000
"""How long a session may be come back to after its log-in: a shift and its handover."""
_DAY_MS = 86_400_000
_RETENTION = "credentials"


class _Kept(BaseModel):
    """A user's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    salt: str = ""
    token: str = ""
    """Keyed hash, hex."""
    expires_ms: int = 0
    totp: tuple[str, str, str] | None = None
    """Key id, nonce and ciphertext, the latter two base64."""
    last_step: int = 0
    """The newest step whose digits were taken: none is taken twice."""


class UserSecrets:
    """The secrets of one world's users. ``now_ms`` is the wall's clock: authenticators know no other."""

    def __init__(
        self,
        keys: Path,
        keyring: Keyring,
        now_ms: Callable[[], int],
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Opens ``users/`` in the world's ``keys`` folder, making it if there is none."""
        self._folder = keys / "users"
        self._keyring, self._now_ms, self._entropy = keyring, now_ms, entropy
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._pepper = self._made_pepper()

    # --- issuing --------------------------------------------------------------------------------------------

    def new_token(self, name: str, days: int) -> str:
        """A token for this user, to be shown once; every earlier one, and every ticket, is void."""
        secret, salt = base64.urlsafe_b64encode(self._entropy(32)).decode().rstrip("="), self._entropy(16).hex()
        kept = self._kept(name)
        expires_ms = self._now_ms() + days * _DAY_MS
        self._keep(kept.model_copy(update={"salt": salt, "token": self._hash(salt, secret), "expires_ms": expires_ms}))
        return secret

    def new_totp(self, name: str, issuer: str) -> str:
        """The ``otpauth`` address of a fresh second factor, to be shown once; the earlier one is void."""
        secret = base64.b32encode(self._entropy(20)).decode()
        sealed = self._keyring.seal(secret.encode(), scope=f"user:{name}", retention=_RETENTION, binding=_binding(name))
        spelled = (sealed.key, base64.b64encode(sealed.nonce).decode(), base64.b64encode(sealed.ciphertext).decode())
        self._keep(self._kept(name).model_copy(update={"totp": spelled}))
        return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)

    def forget(self, name: str) -> None:
        """Neither token, ticket nor second factor of this user fits any more."""
        self._path(name).unlink(missing_ok=True)

    # --- checking -------------------------------------------------------------------------------------------

    def token_fits(self, name: str, token: str) -> bool:
        """Whether this is the user's token, and not expired. A name nobody has takes as long."""
        kept = self._kept(name)
        same = hmac.compare_digest(self._hash(kept.salt, token), kept.token or "0" * 64)
        return same and bool(kept.token) and self._now_ms() < kept.expires_ms

    def has_totp(self, name: str) -> bool:
        return self._kept(name).totp is not None

    def totp_fits(self, name: str, digits: str) -> bool:
        """Whether the user's authenticator shows these digits now; the same digits never fit twice."""
        kept = self._kept(name)
        if kept.totp is None or not digits:
            return False
        key, nonce, ciphertext = kept.totp
        sealed = Sealed(key, base64.b64decode(nonce), base64.b64decode(ciphertext))
        secret = self._keyring.open(sealed, binding=_binding(name))
        if secret is None:
            return False
        authenticator, present = pyotp.TOTP(secret.decode()), self._now_ms() // 1000 // STEP_S
        for step in range(present - WINDOW, present + WINDOW + 1):
            if step > kept.last_step and hmac.compare_digest(authenticator.at(step * STEP_S).encode(), digits.encode()):
                self._keep(kept.model_copy(update={"last_step": step}))
                return True
        return False

    # --- tickets --------------------------------------------------------------------------------------------

    def ticket(self, name: str, position: str, public_key: str, session: str) -> str:
        """What lets this client come back to its session; void with the user's token, and after ``TICKET_MS``."""
        claims = json.dumps([name, position, public_key, session, self._now_ms() + TICKET_MS]).encode()
        return f"{base64.urlsafe_b64encode(claims).decode()}.{self._signed(name, claims)}"

    def session_of(self, ticket: str, name: str, position: str, public_key: str) -> str:
        """The session a ticket is for; empty where it is not this client's, void or expired."""
        spelled, _, signature = ticket.partition(".")
        try:
            claims = base64.urlsafe_b64decode(spelled)
            if not hmac.compare_digest(self._signed(name, claims).encode(), signature.encode()):
                return ""
            who, where, key, session, expires_ms = json.loads(claims)
        except ValueError:
            return ""
        mine = (who, where, key) == (name, position, public_key) and bool(self._kept(name).token)
        return str(session) if mine and self._now_ms() < expires_ms else ""

    def _signed(self, name: str, claims: bytes) -> str:
        return hmac.new(self._pepper, b"ticket\x1f" + self._kept(name).token.encode() + claims, "sha256").hexdigest()

    # --- files ----------------------------------------------------------------------------------------------

    def _hash(self, salt: str, token: str) -> str:
        # A token has 256 bits of its own: a keyed hash is enough, and costs no attacker's victim any time.
        return hmac.new(self._pepper, f"token\x1f{salt}\x1f{token}".encode(), "sha256").hexdigest()

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _kept(self, name: str) -> _Kept:
        path = self._path(name)
        try:
            return _Kept.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _Kept(name=name)
        except (OSError, ValidationError):
            raise JournalError(f"users/{path.name} cannot be read.", code="TOC-3108") from None

    def _keep(self, kept: _Kept) -> None:
        _write_private(self._path(kept.name), kept.model_dump_json().encode())

    def _made_pepper(self) -> bytes:
        path = self._folder / "pepper"
        if not path.exists():
            _write_private(path, self._entropy(32))
        return path.read_bytes()


def _binding(name: str) -> bytes:
    return f"totp\x1f{name}".encode()


def _write_private(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise JournalError(f"users/{path.name}: {error.strerror}.") from error
