from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from activities.codec import COMPRESS_ABOVE, ENCRYPTED, KEY_ID, ArgosyCodec, KeyRing
from activities.converter import data_converter
from argosy.api.messages import Submission
from argosy.config import Settings
from argosy.errors import InvalidInput

KEY_A, KEY_B = bytes(range(32)), bytes(range(1, 33))
CANARY = "very-secret-canary"


def ring(active: str = "a", **keys: bytes) -> KeyRing:
    return KeyRing(active=active, keys=keys or {"a": KEY_A})


def payload(text: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=text.encode())


@pytest.mark.parametrize("text", ["", "short", "x" * (COMPRESS_ABOVE + 1), CANARY * 20_000])
@pytest.mark.parametrize("sealed", [False, True])
async def test_what_goes_in_comes_out(text: str, sealed: bool) -> None:
    codec = ArgosyCodec(key_ring=ring() if sealed else None, namespace="n")
    encoded = await codec.encode([payload(text)])
    assert await codec.decode(encoded) == [payload(text)]


async def test_small_payloads_stay_readable_without_encryption() -> None:
    assert await ArgosyCodec().encode([payload("short")]) == [payload("short")]


async def test_large_payloads_shrink() -> None:
    (encoded,) = await ArgosyCodec().encode([payload("x" * 100_000)])
    assert len(encoded.data) < 1000


async def test_sealed_payloads_show_nothing_but_the_key_id() -> None:
    (encoded,) = await ArgosyCodec(key_ring=ring()).encode([payload(CANARY)])
    assert CANARY.encode() not in encoded.SerializeToString()
    assert encoded.metadata["encoding"] == ENCRYPTED
    assert encoded.metadata[KEY_ID] == b"a"


async def test_keys_rotate() -> None:
    old = await ArgosyCodec(key_ring=ring()).encode([payload(CANARY)])
    rotated = ArgosyCodec(key_ring=ring("b", a=KEY_A, b=KEY_B))
    new = await rotated.encode([payload(CANARY)])
    assert new[0].metadata[KEY_ID] == b"b"
    assert await rotated.decode([*old, *new]) == [payload(CANARY)] * 2


async def test_a_missing_wrong_or_foreign_key_is_said() -> None:
    encoded = await ArgosyCodec(key_ring=ring(), namespace="n").encode([payload(CANARY)])
    for codec, words in (
        (ArgosyCodec(), "set ARGOSY_ENCRYPTION_KEYS"),
        (ArgosyCodec(key_ring=ring("b", b=KEY_B), namespace="n"), "add that key"),
        (ArgosyCodec(key_ring=ring("a", a=KEY_B), namespace="n"), "does not open"),
        (ArgosyCodec(key_ring=ring(), namespace="another"), "does not open"),
    ):
        with pytest.raises(InvalidInput, match=words):
            await codec.decode(encoded)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"active": "a"}', '{"active": "a", "keys": {"a": "!"}}', '{"active": "b", "keys": {}}'],
)
def test_a_bad_key_ring_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(InvalidInput):
        KeyRing.load(path)


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"active": "a", "keys": {"a": base64.b64encode(b"short").decode()}}))
    with pytest.raises(InvalidInput, match="has 5 bytes"):
        KeyRing.load(path)


def test_required_encryption_needs_a_key_ring() -> None:
    with pytest.raises(InvalidInput, match="ARGOSY_ENCRYPTION_KEYS"):
        data_converter(Settings(require_encryption=True), namespace="n")


async def test_the_converter_seals_models_and_failures(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"active": "a", "keys": {"a": base64.b64encode(KEY_A).decode()}}))
    converter = data_converter(Settings(encryption_keys=path), namespace="n")
    submission = Submission(template=CANARY, digest="d")
    encoded = await converter.encode([submission])
    assert CANARY.encode() not in encoded[0].SerializeToString()
    assert await converter.decode(encoded, [Submission]) == [submission]
    failure = Failure()
    await converter.encode_failure(ValueError(CANARY), failure)
    assert CANARY.encode() not in failure.SerializeToString()
