from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Header, Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import WorkflowExecutionInfo

from activities.codec import ArgosyCodec, KeyRing
from activities.converter import data_converter
from activities.key_ring import KeyRingDocument
from activities.key_use import key_ids_in, payloads_in
from argosy.config import Settings
from argosy.errors import InvalidInput, Refused

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)


def ring() -> KeyRingDocument:
    return KeyRingDocument.fresh("", now=NOW)


def test_a_fresh_ring_has_one_key_named_after_the_day() -> None:
    made = ring()
    assert made.active == "2026-11-24"
    assert made.activated == {"2026-11-24": "2026-11-24T20:00:00Z"}
    assert KeyRing.parse(made.to_json(), source="x").active == made.active
    assert len(base64.b64decode(made.keys[made.active])) == 32
    assert ring().keys != made.keys


def test_key_material_is_not_in_its_representation() -> None:
    made = ring()
    assert made.keys[made.active] not in repr(made)


async def test_what_the_old_key_sealed_opens_after_a_rotation() -> None:
    old = ring()
    new = old.with_key("", now=LATER).activating("2027-02-22", now=LATER)
    sealed = await ArgosyCodec(key_ring=KeyRing.parse(old.to_json(), source="x")).encode([Payload(data=b"a")])
    opened = await ArgosyCodec(key_ring=KeyRing.parse(new.to_json(), source="x")).decode(sealed)
    assert opened[0].data == b"a"
    assert new.active == "2027-02-22"


def test_a_prepared_key_is_not_active() -> None:
    assert ring().with_key("next", now=LATER).active == "2026-11-24"


def test_two_keys_of_one_day_have_names_of_their_own() -> None:
    more = ring().with_key("", now=NOW).with_key("", now=NOW)
    assert set(more.keys) == {"2026-11-24", "2026-11-24-2", "2026-11-24-3"}


@pytest.mark.parametrize("key_id", ["a b", "-a", "a" * 64, "a/b", "\n"])
def test_an_id_that_cannot_be_one_is_refused(key_id: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be the ID of a key"):
        ring().with_key(key_id, now=NOW)


def test_a_taken_id_an_unknown_one_and_the_active_one_are_refused() -> None:
    made = ring()
    with pytest.raises(InvalidInput, match="already"):
        made.with_key(made.active, now=NOW)
    with pytest.raises(InvalidInput, match="has no key 'x'; it has 2026-11-24"):
        made.activating("x", now=NOW)
    with pytest.raises(InvalidInput, match="has no key 'x'"):
        made.without("x")
    with pytest.raises(Refused, match="active"):
        made.without(made.active)


def test_a_file_without_times_is_read() -> None:
    key = base64.b64encode(bytes(32)).decode()
    text = json.dumps({"active": "a", "keys": {"a": key, "b": key}})
    read = KeyRingDocument.parse(text, source="x")
    assert read.activated == {}
    assert set(read.without("b").keys) == {"a"}


# -- settings ---------------------------------------------------------------------------------------------


def test_the_environment_may_hold_the_ring() -> None:
    settings = Settings.from_env({"ARGOSY_ENCRYPTION_KEY_RING": ring().to_json()})
    found = KeyRing.from_settings(settings)
    assert found is not None
    assert found.active == "2026-11-24"
    assert settings.encrypts
    assert data_converter(settings, namespace="n").payload_codec is not None


def test_the_ring_in_the_environment_is_never_printed() -> None:
    text = ring().to_json()
    settings = Settings.from_env({"ARGOSY_ENCRYPTION_KEY_RING": text})
    secret = next(iter(json.loads(text)["keys"].values()))
    assert secret not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(InvalidInput) as caught:
        KeyRing.from_settings(Settings.from_env({"ARGOSY_ENCRYPTION_KEY_RING": text[:-4]}))
    assert "ARGOSY_ENCRYPTION_KEY_RING is not a key ring" in str(caught.value)
    assert secret not in str(caught.value)


def test_two_rings_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"both ARGOSY_ENCRYPTION_KEYS and .*; unset one") as caught:
        Settings.from_env({"ARGOSY_ENCRYPTION_KEYS": str(tmp_path), "ARGOSY_ENCRYPTION_KEY_RING": "s3cret"})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


# -- which keys are needed ----------------------------------------------------------------------------------


async def test_keys_are_found_wherever_a_payload_is() -> None:
    async def sealed(key_id: str) -> Payload:
        codec = ArgosyCodec(key_ring=KeyRing(active=key_id, keys={key_id: bytes(32)}))
        return (await codec.encode([Payload(data=b"a")]))[0]

    event = HistoryEvent()
    started = event.workflow_execution_started_event_attributes
    started.input.CopyFrom(Payloads(payloads=[await sealed("input")]))
    started.memo.fields["x"].CopyFrom(await sealed("memo"))
    started.header.CopyFrom(Header(fields={"h": await sealed("header")}))
    started.continued_failure.CopyFrom(Failure(cause=Failure(encoded_attributes=await sealed("cause"))))
    started.search_attributes.indexed_fields["ArgosyKind"].CopyFrom(Payload(data=b'"plain"'))
    event.user_metadata.summary.CopyFrom(await sealed("summary"))
    assert key_ids_in(event) == {"input", "memo", "header", "cause", "summary"}
    assert len(list(payloads_in(event))) == 6
    info = WorkflowExecutionInfo()
    info.memo.fields["x"].CopyFrom(await sealed("listed"))
    assert key_ids_in(info) == {"listed"}
