"""The codec server over real HTTP, with the codec of the worker."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from google.protobuf.json_format import MessageToDict, ParseDict
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from activities.codec import COMPRESSED, ENCRYPTED, ArgosyCodec, KeyRing
from activities.converter import data_converter
from argosy.api.manifest import ResourceRef
from argosy.api.messages import Submission
from argosy.api.propagation import PropagationInput, PropagationState
from argosy.api.redact import MASK
from argosy.config import Settings
from devcluster.environment import write_key_ring
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from serve.access import Bearer
from serve.codec import LARGEST_BODY, CodecServer, masked
from tests.plant import Plant

TOKEN = "codec-token-of-the-tests"
UI = "https://temporal.example.com"
CANARY = "Y2FuYXJ5LWluLXRoZS1taW5l"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
SECRET = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"password": CANARY},
    }
)  # fmt: skip - one field a line

REF = ResourceRef(api_version="v1", kind="Secret", namespace="default", name="s")

Server = TestClient[Any, Any]


@pytest.fixture
def codec(tmp_path: Path) -> PayloadCodec:
    """As workers and commands make it from their settings."""
    write_key_ring(tmp_path / "keys.json")
    converter = data_converter(Settings(encryption_keys=tmp_path / "keys.json"), namespace="default")
    assert converter.payload_codec is not None
    return converter.payload_codec


@contextlib.asynccontextmanager
async def serving(codec: PayloadCodec, **more: Any) -> AsyncIterator[Server]:
    given: dict[str, Any] = {"namespace": "default", "bearer": Bearer(TOKEN.encode()), "origins": (UI,)}
    app = web.Application()
    app.add_routes(CodecServer(codec, **(given | more)).routes())
    async with TestClient(TestServer(app)) as http:
        yield http


def plain(text: str) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=text.encode())


def as_json(*payloads: Payload) -> dict[str, Any]:
    """As the UI and the command line write them."""
    return MessageToDict(Payloads(payloads=payloads))


async def call(http: Server, path: str, *payloads: Payload, **headers: str) -> list[Payload]:
    async with http.post(path, json=as_json(*payloads), headers=AUTHORIZED | headers) as response:
        assert response.status == 200, await response.text()
        return list(ParseDict(await response.json(), Payloads()).payloads)


@pytest.mark.parametrize("size", [1, 3000, 500_000])
async def test_what_a_worker_sealed_is_readable_and_what_is_encoded_a_worker_opens(
    codec: PayloadCodec, size: int
) -> None:
    wanted = plain(json.dumps({"a": "x" * size}))
    sealed = await codec.encode([wanted])
    assert sealed[0].metadata["encoding"] == ENCRYPTED
    async with serving(codec, allow_encode=True) as http:
        assert await call(http, "/decode", *sealed, wanted) == [wanted, wanted]
        again = await call(http, "/encode", wanted)
    assert again[0].metadata["encoding"] == ENCRYPTED
    assert await codec.decode(again) == [wanted]


async def test_without_a_key_ring_what_is_compressed_is_readable() -> None:
    wanted = plain(json.dumps("x" * 100_000))
    (small,) = await ArgosyCodec().encode([wanted])
    assert small.metadata["encoding"] == COMPRESSED
    async with serving(ArgosyCodec()) as http:
        assert await call(http, "/decode", small) == [wanted]


async def test_nothing_is_encoded_unless_that_is_allowed(codec: PayloadCodec) -> None:
    async with serving(codec) as http:
        for method in ("POST", "OPTIONS"):
            async with http.request(method, "/encode", json={}, headers=AUTHORIZED) as response:
                assert response.status == 404


# -- who may ask ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
@pytest.mark.parametrize("path", ["/decode", "/encode"])
async def test_strangers_get_nothing(codec: PayloadCodec, headers: dict[str, str], path: str) -> None:
    (sealed,) = await codec.encode([plain(SECRET)])
    async with serving(codec, allow_encode=True) as http:
        given = headers | {"Origin": UI}
        async with http.post(path, json=as_json(sealed), headers=given) as response:
            assert response.status == 401
            assert await response.text() == "unauthorized\n"
            # So that the page can tell its user.
            assert response.headers["Access-Control-Allow-Origin"] == UI


async def test_a_page_of_the_ui_is_let_in_and_no_other(codec: PayloadCodec) -> None:
    (sealed,) = await codec.encode([plain("1")])
    asks = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-namespace",
    }
    async with serving(codec) as http:
        async with http.options("/decode", headers={"Origin": UI, **asks}) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == UI
            assert response.headers["Access-Control-Allow-Methods"] == "POST"
            allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
            assert set(allowed) == set(asks["Access-Control-Request-Headers"].split(","))
            assert response.headers["Vary"] == "Origin"
        for origin in (f"{UI}.evil.example", "http://temporal.example.com", f"{UI}:8443", "null", UI.upper()):
            async with http.options("/decode", headers={"Origin": origin, **asks}) as response:
                assert response.status == 403
                assert "Access-Control-Allow-Origin" not in response.headers
            given = AUTHORIZED | {"Origin": origin}
            async with http.post("/decode", json=as_json(sealed), headers=given) as response:
                assert "Access-Control-Allow-Origin" not in response.headers
        given = AUTHORIZED | {"Origin": UI}
        async with http.post("/decode", json=as_json(sealed), headers=given) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == UI
            assert response.headers["Cache-Control"] == "no-store"


async def test_other_namespaces_are_refused(codec: PayloadCodec) -> None:
    async with serving(codec) as http:
        assert await call(http, "/decode", plain("1"), **{"X-Namespace": "default"}) == [plain("1")]
        given = AUTHORIZED | {"X-Namespace": "payroll"}
        async with http.post("/decode", json=as_json(), headers=given) as response:
            assert response.status == 403
            assert "for namespace default" in await response.text()


# -- what cannot be read -------------------------------------------------------------------------------------


async def test_an_unknown_key_is_named(codec: PayloadCodec) -> None:
    other = ArgosyCodec(key_ring=KeyRing(active="2020-01", keys={"2020-01": bytes(32)}), namespace="default")
    async with serving(codec) as http:
        payloads = await other.encode([plain("1")])
        async with http.post("/decode", json=as_json(*payloads), headers=AUTHORIZED) as response:
            assert response.status == 400
            text = await response.text()
    assert text == "a payload is sealed with key '2020-01'; add that key to the key ring\n"


@pytest.mark.parametrize(
    "payload",
    [
        Payload(metadata={"encoding": ENCRYPTED}, data=b"x"),
        Payload(metadata={"encoding": ENCRYPTED, "encryption-key-id": b"local"}, data=b"x" * 64),
        Payload(metadata={"encoding": COMPRESSED}, data=b"x"),
    ],
)
async def test_a_damaged_payload_is_said_to_be(codec: PayloadCodec, payload: Payload) -> None:
    async with (
        serving(codec) as http,
        http.post("/decode", json=as_json(payload), headers=AUTHORIZED) as response,
    ):
        assert response.status == 400
        assert "payload" in await response.text()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("no json", "application/json", 400),
        ('{"payloads": 5}', "application/json", 400),
        ('{"payloads": [{"data": 5}]}', "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("{}", "text/plain", 415),
        ("{}", "application/json", 200),
    ],
)
async def test_what_is_no_list_of_payloads_is_refused(
    codec: PayloadCodec, body: str, kind: str, status: int
) -> None:
    async with serving(codec) as http:
        given = AUTHORIZED | {"Content-Type": kind}
        async with http.post("/decode", data=body, headers=given) as response:
            assert response.status == status


async def test_a_body_is_bounded(codec: PayloadCodec) -> None:
    async with serving(codec) as http:
        given = AUTHORIZED | {"Content-Type": "application/json", "Content-Length": str(LARGEST_BODY + 1)}
        async with http.post("/decode", data=b"{}", headers=given) as response:
            assert response.status == 413


# -- Secrets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        PropagationInput(template=SECRET, state=PropagationState(ref=REF)),
        Submission(template=SECRET, digest="d"),
        [Submission(template=SECRET, digest="d")],
    ],
)
async def test_a_secret_in_a_template_is_masked_unless_it_may_be_shown(
    codec: PayloadCodec, value: Any
) -> None:
    (sealed,) = await codec.encode([plain(_dumped(value))])
    async with serving(codec) as http:
        (shown,) = await call(http, "/decode", sealed)
    assert CANARY.encode() not in shown.data
    assert MASK.encode() in shown.data
    assert b"password" in shown.data
    async with serving(codec, show_secrets=True) as http:
        (shown,) = await call(http, "/decode", sealed)
    assert CANARY.encode() in shown.data


def _dumped(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps([one.model_dump(mode="json") for one in value])
    return json.dumps(value.model_dump(mode="json", warnings=False))


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (Payload(metadata={"encoding": b"binary/null"}), b""),
        (Payload(metadata={"encoding": b"json/protobuf"}, data=SECRET.encode()), None),
        (Payload(metadata={"encoding": b"binary/plain"}, data=SECRET.encode()), b'"***"'),
        (Payload(metadata={"encoding": b"binary/protobuf"}, data=CANARY.encode()), b'"***"'),
        (Payload(data=CANARY.encode()), b'"***"'),
        (Payload(metadata={"encoding": b"json/plain"}, data=b"\xff" + CANARY.encode()), b'"***"'),
    ],
)
def test_what_cannot_be_looked_through_is_masked_as_a_whole(payload: Payload, shown: bytes | None) -> None:
    masking = masked(payload).data
    assert CANARY.encode() not in masking
    assert shown is None or masking == shown


@pytest.mark.parametrize("levels", [1, 2, 3])
async def test_what_is_masked_is_not_written_back(codec: PayloadCodec, levels: int) -> None:
    text = SECRET.replace(CANARY, MASK)
    for _ in range(levels):
        text = json.dumps({"template": text})
    async with (
        serving(codec, allow_encode=True) as http,
        http.post("/encode", json=as_json(plain(text)), headers=AUTHORIZED) as response,
    ):
        assert response.status == 400
        assert "write the real one" in await response.text()


# -- with the real command line of Temporal ------------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path: Path, members: list[Member]) -> Iterator[Plant]:
    """An installation with payload encryption."""
    write_key_ring(tmp_path / "keys.json")
    server = TemporalServer(tmp_path / "temporal", ui=False)
    server.start()
    settings = Settings(encryption_keys=tmp_path / "keys.json")
    made = Plant(directory=tmp_path, temporal=server, members=members, settings=settings)
    yield made
    if made.worker is not None:
        made.worker.stop()
    server.stop()


async def test_temporals_command_line_reads_a_whole_history_but_no_secret(sealed: Plant) -> None:
    await sealed.set_up()
    session = await sealed.session()
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "all", "namespace": "default"},
        "spec": {"resourceSelectors": [{"apiVersion": "v1", "kind": "Secret"}]},
    }
    override = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "all", "namespace": "default"},
        "spec": {
            "overrideRules": [
                {"overriders": {"plaintext": [{"path": "/data/extra", "operator": "add", "value": CANARY}]}}
            ]
        },
    }
    await session.edit_policies("default", put=[policy, override])
    accepted = await session.submit(json.loads(SECRET))
    async with asyncio.timeout(30):
        while (await session.observe(accepted.ref)).status.phase != "Applied":
            await asyncio.sleep(0.2)
    codec = session.client.data_converter.payload_codec
    assert codec is not None
    for workflow in (accepted.workflow_id, "policies/default"):
        async with serving(codec) as masking, serving(codec, show_secrets=True) as showing:
            assert CANARY not in await _history(sealed, workflow, masking)
            assert CANARY in await _history(sealed, workflow, showing)


async def _history(plant: Plant, workflow: str, http: Server) -> str:
    """What `temporal workflow show` prints, its payloads as text."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("temporal")),
        *("workflow", "show", "--workflow-id", workflow, "--output", "json"),
        *("--address", plant.temporal.address, "--codec-endpoint", str(http.make_url("/")).rstrip("/")),
        *("--codec-auth", f"Bearer {TOKEN}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    texts = [base64.b64decode(one["data"]).decode() for one in _payloads(json.loads(out))]
    assert any("apiVersion" in text for text in texts)
    return "\n".join(texts) + out.decode()


def _payloads(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("metadata"), dict) and isinstance(value.get("data"), str):
            yield value
        for one in value.values():
            yield from _payloads(one)
    elif isinstance(value, list):
        for one in value:
            yield from _payloads(one)
