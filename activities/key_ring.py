"""Key ring files as `argosy keys` makes and changes them; `activities.codec.KeyRing` is what seals with one."""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from activities.codec import KEY_BYTES, KeyRing
from argosy.errors import InvalidInput, Refused

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class KeyRingDocument:
    """The content of a key ring file; a change returns another one.

    Attributes:
        keys: base64 by key ID; never shown.
        activated: since when a key is, or was last, the active one; RFC 3339, missing where nobody noted it.
    """

    active: str
    keys: dict[str, str] = field(repr=False)
    activated: dict[str, str] = field(default_factory=dict)

    @classmethod
    def fresh(cls, key_id: str, *, now: datetime) -> Self:
        """A ring with one new key.

        Raises:
            InvalidInput: the ID cannot be one.
        """
        key_id = _checked(key_id or _day(now))
        return cls(active=key_id, keys={key_id: _new_key()}, activated={key_id: _moment(now)})

    @classmethod
    def parse(cls, text: str, *, source: str) -> Self:
        """Read a file, which `source` names in messages.

        Raises:
            InvalidInput: it is no key ring; the message never holds key material.
        """
        KeyRing.parse(text, source=source)
        document = json.loads(text)
        noted = document.get("activated")
        keys = {str(key_id): str(key) for key_id, key in document["keys"].items()}
        activated = {str(k): str(v) for k, v in noted.items()} if isinstance(noted, dict) else {}
        return cls(active=str(document["active"]), keys=keys, activated=activated)

    def with_key(self, key_id: str, *, now: datetime) -> Self:
        """The ring with one more key, which is not active yet.

        Raises:
            InvalidInput: the ID cannot be one, or is taken.
        """
        key_id = _checked(key_id or self._free(_day(now)))
        if key_id in self.keys:
            raise InvalidInput(f"the key ring has a key {key_id!r} already; choose another --id")
        return replace(self, keys={**self.keys, key_id: _new_key()})

    def activating(self, key_id: str, *, now: datetime) -> Self:
        """The ring with another active key.

        Raises:
            InvalidInput: there is no such key.
        """
        self._require(key_id)
        if key_id == self.active:
            return self
        return replace(self, active=key_id, activated={**self.activated, key_id: _moment(now)})

    def without(self, key_id: str) -> Self:
        """The ring without an old key.

        Raises:
            InvalidInput: there is no such key.
            Refused: it is the active one.
        """
        self._require(key_id)
        if key_id == self.active:
            raise Refused(
                f"key {key_id!r} is the active one; make another active first (`argosy keys rotate`)"
            )
        return replace(
            self,
            keys={known: key for known, key in self.keys.items() if known != key_id},
            activated={known: since for known, since in self.activated.items() if known != key_id},
        )

    def to_json(self) -> str:
        """The content of the file."""
        document = {"active": self.active, "keys": self.keys, "activated": self.activated}
        return json.dumps(document, indent=1) + "\n"

    def _require(self, key_id: str) -> None:
        if key_id not in self.keys:
            raise InvalidInput(f"the key ring has no key {key_id!r}; it has {', '.join(sorted(self.keys))}")

    def _free(self, name: str) -> str:
        """`name`, or with the lowest number that makes it new."""
        if name not in self.keys:
            return name
        return next(f"{name}-{n}" for n in range(2, len(self.keys) + 3) if f"{name}-{n}" not in self.keys)


def _checked(key_id: str) -> str:
    # It goes along with every payload, in clear.
    if not _ID.fullmatch(key_id):
        raise InvalidInput(
            f"{key_id!r} cannot be the ID of a key; use letters, digits, dots, dashes and underscores, 63 at most"
        )
    return key_id


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
