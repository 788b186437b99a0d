"""The codec chain of every payload: zstd above a threshold, then AES-256-GCM with a key ring.

Encoding is the same in the command line, the worker, replays and the codec server. Small payloads stay
uncompressed, so that an unencrypted development server shows them as they are.

An encrypted payload carries the ID of its key, which is how keys rotate: encode with the active key, decode
with whichever the payload names. The key ring file is JSON:

    {"active": "2026-11", "keys": {"2026-11": "<32 bytes, base64>", "2026-05": "..."}}

The environment may hold the same JSON itself. `activities.key_ring` makes and changes such files.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from argosy.config import Settings
from argosy.errors import InvalidInput

COMPRESSED = b"binary/zstd"
ENCRYPTED = b"binary/aes-256-gcm"
KEY_ID = "encryption-key-id"
KEY_BYTES = 32
# Bytes; what nobody may read in the UI anyway is worth shrinking sooner.
COMPRESS_ABOVE = 16 * 1024
COMPRESS_SEALED_ABOVE = 2048
# Work above this size leaves the event loop, which also carries heartbeats and workflow tasks.
_OFF_LOOP_ABOVE = 128 * 1024
_NONCE_BYTES = 12
_MAX_DECOMPRESSED = 32 * 1024 * 1024


class KeyRing:
    """Encryption keys by ID, one of them active."""

    def __init__(self, *, active: str, keys: Mapping[str, bytes]) -> None:
        if active not in keys:
            raise InvalidInput(f"the key ring has no key {active!r}; add it or change `active`")
        for key_id, key in keys.items():
            if len(key) != KEY_BYTES:
                raise InvalidInput(
                    f"key {key_id!r} has {len(key)} bytes; AES-256 needs {KEY_BYTES}, base64-encoded"
                )
        self.active = active
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key ring file.

        Raises:
            InvalidInput: the file cannot be read or is no key ring; the message never holds key material.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidInput(
                f"the key ring {path} cannot be read: {error.strerror}; correct ARGOSY_ENCRYPTION_KEYS"
            ) from error
        except ValueError:
            text = ""
        return cls.parse(text, source=str(path))

    @classmethod
    def parse(cls, text: str, *, source: str) -> Self:
        """Read a key ring from JSON, which `source` names in messages.

        Raises:
            InvalidInput: it is no key ring; the message never holds key material.
        """
        try:
            document = json.loads(text)
            keys = {str(k): base64.b64decode(v, validate=True) for k, v in document["keys"].items()}
            active = str(document["active"])
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            raise InvalidInput(
                f'{source} is not a key ring; expected JSON {{"active": ID, "keys": {{ID: BASE64}}}}, '
                "as `argosy keys generate` makes it"
            ) from None
        return cls(active=active, keys=keys)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self | None:
        """The key ring of the file or of the environment, None where neither is set.

        Raises:
            InvalidInput: it cannot be read or is no key ring.
        """
        if settings.encryption_key_ring is not None:
            text = settings.encryption_key_ring.get_secret_value()
            return cls.parse(text, source="ARGOSY_ENCRYPTION_KEY_RING")
        return cls.load(settings.encryption_keys) if settings.encryption_keys is not None else None

    def encrypt(self, plain: bytes, *, context: bytes) -> tuple[str, bytes]:
        """Seal `plain` with the active key; returns the key's ID and nonce + ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self.active, nonce + self._ciphers[self.active].encrypt(nonce, plain, context)

    def decrypt(self, sealed: bytes, *, key_id: str, context: bytes) -> bytes:
        """Open what `encrypt` sealed.

        Raises:
            InvalidInput: the key is not in the ring, or the data was not sealed with it.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise InvalidInput(f"a payload is sealed with key {key_id!r}; add that key to the key ring")
        try:
            return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            raise InvalidInput(
                f"a payload does not open with key {key_id!r}; the key ring holds another key of that name"
            ) from None


class ArgosyCodec(PayloadCodec):
    """Compress, then encrypt; decode whatever mixture arrives and pass on what is neither."""

    def __init__(self, *, key_ring: KeyRing | None = None, namespace: str = "") -> None:
        self._ring = key_ring
        self._threshold = COMPRESS_SEALED_ABOVE if key_ring else COMPRESS_ABOVE
        # Bound to the namespace only: a payload copied between workflows must still open.
        self._context = namespace.encode()

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encode each payload; large ones off the event loop."""
        return [await _off_loop_if_large(self._encode_one, payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decode each payload; large ones off the event loop."""
        return [await _off_loop_if_large(self._decode_one, payload) for payload in payloads]

    def _encode_one(self, payload: Payload) -> Payload:
        if len(payload.data) > self._threshold:
            squeezed = zstandard.ZstdCompressor(level=1).compress(payload.SerializeToString())
            if len(squeezed) < len(payload.data):
                payload = Payload(metadata={"encoding": COMPRESSED}, data=squeezed)
        if self._ring is None:
            return payload
        key_id, sealed = self._ring.encrypt(payload.SerializeToString(), context=self._context)
        return Payload(metadata={"encoding": ENCRYPTED, KEY_ID: key_id.encode()}, data=sealed)

    def _decode_one(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") == ENCRYPTED:
            key_id = payload.metadata[KEY_ID].decode()
            if self._ring is None:
                raise InvalidInput(
                    f"payloads are encrypted with key {key_id!r}; set ARGOSY_ENCRYPTION_KEYS to the key ring"
                )
            payload = Payload.FromString(
                self._ring.decrypt(payload.data, key_id=key_id, context=self._context)
            )
        if payload.metadata.get("encoding") == COMPRESSED:
            plain = zstandard.ZstdDecompressor().decompress(payload.data, max_output_size=_MAX_DECOMPRESSED)
            payload = Payload.FromString(plain)
        return payload


async def _off_loop_if_large(convert: Callable[[Payload], Payload], payload: Payload) -> Payload:
    if len(payload.data) > _OFF_LOOP_ABOVE:
        return await asyncio.to_thread(convert, payload)
    return convert(payload)
