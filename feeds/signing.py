"""Who a message is from: HMAC-SHA256 over its time and body with the feed's own secret, good once, for five minutes."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from picture.errors import InputError

TIMESTAMP_HEADER: Final = "X-Tocsin-Timestamp"
SIGNATURE_HEADER: Final = "X-Tocsin-Signature"
WINDOW_MS: Final = 5 * 60 * 1000
CAPACITY: Final = 20_000
_UNSIGNED: Final = "TOC-2007"
_TIMESTAMP: Final = re.compile(r"\d{13}", re.ASCII)
_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)


def sign(secret: bytes, timestamp_ms: int, body: bytes) -> dict[str, str]:
    """The two headers of a signed message, as a sender adds them. ``timestamp_ms`` is epoch milliseconds."""
    digest = hmac.new(secret, b"%d." % timestamp_ms + body, hashlib.sha256).hexdigest()
    return {TIMESTAMP_HEADER: str(timestamp_ms), SIGNATURE_HEADER: f"sha256={digest}"}


def token(secret: bytes) -> str:
    """What a sender that cannot sign shows instead, 64 hexadecimal digits; the secret does not follow from it."""
    return hmac.new(secret, b"tocsin inbox token", hashlib.sha256).hexdigest()


class TokenVerifier:
    """Knows one feed's sender by a token. It tells no repeat from a first: for senders that cannot sign alone."""

    def __init__(self, secret: bytes) -> None:
        self._token = token(secret)

    def check_token(self, authorization: str | None) -> None:
        """Returns where the header is ``Bearer`` and this feed's token; else raises ``InputError`` TOC-2007."""
        scheme, _, given = (authorization or "").partition(" ")
        fits = hmac.compare_digest(given.strip().encode("utf-8"), self._token.encode("ascii"))
        if scheme.lower() != "bearer" or not fits:
            raise InputError("The signature does not fit.", code=_UNSIGNED)  # as an unknown feed is told


class Verifier:
    """Checks one feed's signatures and remembers those it has seen for as long as they could be sent again."""

    def __init__(self, secret: bytes, *, capacity: int = CAPACITY) -> None:
        self._secret = secret
        self._capacity = capacity
        self._seen: dict[str, int] = {}

    def check(self, timestamp: str | None, signature: str | None, body: bytes, now_ms: int) -> None:
        """Returns for a message signed with this feed's secret, in time, and not seen before.

        ``now_ms`` is the real time, whatever the world's clock says. When more messages than ``capacity`` are within
        the window, further ones are refused rather than their repeats let in.

        Raises:
            InputError: TOC-2007.
        """
        given = _SIGNATURE.fullmatch(signature or "")
        if given is None or _TIMESTAMP.fullmatch(timestamp or "") is None:
            raise InputError(f"{TIMESTAMP_HEADER} or {SIGNATURE_HEADER} is missing or malformed.", code=_UNSIGNED)
        stamp_ms = int(timestamp or "")
        expected = hmac.new(self._secret, b"%d." % stamp_ms + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, given[1]):
            raise InputError("The signature does not fit.", code=_UNSIGNED)
        if abs(now_ms - stamp_ms) > WINDOW_MS:
            raise InputError("Its time is more than five minutes off.", code=_UNSIGNED)
        if given[1] in self._seen:
            raise InputError("It was seen before.", code=_UNSIGNED)
        self._remember(given[1], stamp_ms + WINDOW_MS, now_ms)

    def _remember(self, digest: str, until_ms: int, now_ms: int) -> None:
        if len(self._seen) >= self._capacity:
            self._seen = {each: until for each, until in self._seen.items() if until >= now_ms}
        if len(self._seen) >= self._capacity:
            raise InputError("Too many messages in five minutes to tell repeats apart.", code=_UNSIGNED)
        self._seen[digest] = until_ms


def verifier(auth: str, secret: bytes) -> Verifier | TokenVerifier:
    """What checks the senders of a feed whose configuration says ``signature`` or ``token``."""
    return TokenVerifier(secret) if auth == "token" else Verifier(secret)
