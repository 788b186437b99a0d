"""Who may call: a bearer token, or a signature over time and body that counts once.

Refusals tell the caller nothing; the log says why.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from argosy.errors import ArgosyError, InvalidInput

logger = logging.getLogger("argosy.serve.access")

TIMESTAMP = "X-Argosy-Timestamp"
SIGNATURE = "X-Argosy-Signature"
MOST_APART = 300.0
"""Seconds that a signature's time and ours may differ."""
SHORTEST_SECRET = 16
MOST_SIGNATURES = 100_000
_SCHEME = "sha256="
_BEARER = "Bearer "


class Unauthenticated(ArgosyError):
    """The caller did not show a credential that counts; `str()` is for the log only."""


class Bearer:
    """A token that callers send in the header `Authorization`."""

    def __init__(self, token: bytes) -> None:
        # Digests are of one length, so that comparing them tells nothing about the token's.
        self._expected = sha256(token).digest()

    def check(self, headers: Mapping[str, str]) -> None:
        """Accept the right token.

        Raises:
            Unauthenticated: it is missing or another one.
        """
        sent = headers.get("Authorization", "")
        if not sent.startswith(_BEARER):
            raise Unauthenticated("no bearer token was sent")
        given = sha256(sent.removeprefix(_BEARER).strip().encode("utf-8", "surrogateescape")).digest()
        if not hmac.compare_digest(given, self._expected):
            raise Unauthenticated("another bearer token was sent")


class Signed:
    """Signatures by HMAC-SHA256 over `<timestamp>.<body>`, each of which counts once.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, key: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock
        # When each signature would be too old anyway; in the order in which they came.
        self._seen: dict[str, float] = {}

    def check(self, headers: Mapping[str, str], body: bytes) -> str:
        """Accept a right, recent and new signature; returns it for `release`.

        Raises:
            Unauthenticated: it is missing, wrong, too old or too new, or has been seen.
        """
        stamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not stamp or not signature.startswith(_SCHEME):
            raise Unauthenticated(f"{TIMESTAMP} or {SIGNATURE} is missing, or the latter is not {_SCHEME}…")
        expected = hmac.digest(self._key, stamp.encode("utf-8", "surrogateescape") + b"." + body, "sha256")
        given = signature.removeprefix(_SCHEME).encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected.hex().encode()):
            raise Unauthenticated("the signature does not fit the body")
        try:
            sent = float(stamp)
        except ValueError:
            raise Unauthenticated(f"{TIMESTAMP} is no number of seconds") from None
        now = self._clock()
        # Also where `sent` is no number at all.
        if not abs(now - sent) <= MOST_APART:
            raise Unauthenticated(f"the signature is {now - sent:.0f} s old; {MOST_APART:.0f} are allowed")
        self._forget(now)
        if signature in self._seen:
            raise Unauthenticated("the signature has been used before")
        if len(self._seen) >= MOST_SIGNATURES:
            # Only who has the key fills this memory; forgetting instead would let signatures count twice.
            raise Unauthenticated(f"more than {MOST_SIGNATURES} signatures came within minutes")
        self._seen[signature] = sent + MOST_APART
        return signature

    def release(self, signature: str) -> None:
        """Let a signature count again, because what it was for is to be sent once more."""
        self._seen.pop(signature, None)

    def _forget(self, now: float) -> None:
        self._seen = {signature: until for signature, until in self._seen.items() if until >= now}


def read_secret(path: Path, *, option: str) -> bytes:
    """The one line in a file.

    Raises:
        InvalidInput: it cannot be read, or is too short to be secret; the message never holds it.
    """
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise InvalidInput(f"{option}: {path} cannot be read ({error.strerror}); correct the path") from None
    if len(secret) < SHORTEST_SECRET:
        raise InvalidInput(
            f"{option}: {path} holds {len(secret)} bytes; write at least {SHORTEST_SECRET} random ones"
        )
    return secret
