from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from argosy.errors import InvalidInput
from serve import access
from serve.access import MOST_APART, SIGNATURE, TIMESTAMP, Bearer, Signed, Unauthenticated, read_secret

KEY = b"0123456789abcdef"
BODY = b'{"version": "4"}'


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def sign(stamp: str, body: bytes = BODY, key: bytes = KEY) -> dict[str, str]:
    digest = hmac.new(key, stamp.encode() + b"." + body, "sha256").hexdigest()
    return {TIMESTAMP: stamp, SIGNATURE: f"sha256={digest}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic right-token-right"},
        {"Authorization": "Bearer right-token-righ"},
        {"Authorization": "Bearer right-token-right2"},
        {"Authorization": "Bearer \udcff"},
    ],
)
def test_only_the_right_token_counts(headers: dict[str, str]) -> None:
    bearer = Bearer(b"right-token-right")
    bearer.check({"Authorization": "Bearer right-token-right"})
    with pytest.raises(Unauthenticated):
        bearer.check(headers)


@pytest.mark.parametrize("stamp", ["1000000", "1000299.9", "999700.5", "1e6"])
def test_a_recent_signature_counts_once(stamp: str) -> None:
    signed = Signed(KEY, clock=Clock())
    signed.check(sign(stamp), BODY)
    with pytest.raises(Unauthenticated, match="before"):
        signed.check(sign(stamp), BODY)
    signed.release(sign(stamp)[SIGNATURE])
    signed.check(sign(stamp), BODY)


@pytest.mark.parametrize("stamp", ["1000301", "999699", "nan", "inf", "-inf", "soon", "1e400"])
def test_a_signature_of_another_time_does_not_count(stamp: str) -> None:
    with pytest.raises(Unauthenticated, match=r"old|number"):
        Signed(KEY, clock=Clock()).check(sign(stamp), BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {TIMESTAMP: "1000000"},
        {TIMESTAMP: "1000000", SIGNATURE: "sha256="},
        {TIMESTAMP: "1000000", SIGNATURE: sign("1000000")[SIGNATURE].removeprefix("sha256=")},
        {TIMESTAMP: "1000001", SIGNATURE: sign("1000000")[SIGNATURE]},
        {TIMESTAMP: "1000000", SIGNATURE: "sha256=é"},
        sign("1000000", key=b"another key of 1"),
        sign("1000000", body=BODY + b" "),
    ],
)
def test_a_signature_of_something_else_does_not_count(headers: dict[str, str]) -> None:
    signed = Signed(KEY, clock=Clock())
    with pytest.raises(Unauthenticated):
        signed.check(headers, BODY)
    # And it has not spoilt the right one.
    signed.check(sign("1000000"), BODY)


def test_a_signature_from_the_future_is_remembered_until_it_is_too_old() -> None:
    clock = Clock()
    signed = Signed(KEY, clock=clock)
    early = sign(str(clock.now + MOST_APART))
    signed.check(early, BODY)
    clock.now += 2 * MOST_APART
    with pytest.raises(Unauthenticated, match="before"):
        signed.check(early, BODY)
    clock.now += 1
    with pytest.raises(Unauthenticated, match="old"):
        signed.check(early, BODY)


def test_the_memory_of_signatures_is_bounded_and_forgets_none_that_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "MOST_SIGNATURES", 2)
    clock = Clock()
    signed = Signed(KEY, clock=clock)
    for stamp in ("1000000", "1000001"):
        signed.check(sign(stamp), BODY)
    with pytest.raises(Unauthenticated, match="more than 2"):
        signed.check(sign("1000002"), BODY)
    clock.now += MOST_APART + 1.5
    signed.check(sign(str(clock.now)), BODY)


def test_a_secret_is_one_line_of_a_file_and_never_in_a_message(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(InvalidInput, match=r"--alert-token: .*token cannot be read"):
        read_secret(path, option="--alert-token")
    path.write_bytes(b"hunter2\n")
    with pytest.raises(InvalidInput, match="holds 7 bytes; write at least 16") as refused:
        read_secret(path, option="--alert-token")
    assert "hunter2" not in str(refused.value)
    path.write_bytes(b"hunter2-hunter2-hunter2\n")
    assert read_secret(path, option="--alert-token") == b"hunter2-hunter2-hunter2"
