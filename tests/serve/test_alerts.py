"""The webhook over real HTTP, with a real Temporal and clusters that record how they are steered."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from temporalio.client import Client

from activities.connection import connect
from argosy.api.alerting import AlertRules, parse_rules
from argosy.api.ids import cluster_id
from argosy.config import Settings
from devcluster.temporal import TemporalServer
from serve.access import SIGNATURE, TIMESTAMP
from serve.alerts import LARGEST_BODY
from serve.app import Secrets, application
from serve.options import ServeOptions
from serve.steering import PAUSE
from tests.serve.recorder import Recorded

TOKEN = "alert-token-of-the-tests"
KEY = "hmac-key-of-the-tests"
RULES = """
apiVersion: argosy.dev/v1alpha1
kind: AlertRules
rules:
  - {name: down, match: {alertname: Down}, clusterLabel: cluster, action: failover, now: true, onResolved: recover}
  - {name: work, match: {alertname: Work}, clusterLabel: cluster, action: hold}
"""

Webhook = TestClient[Any, Any]


def rules() -> AlertRules:
    return parse_rules(RULES, source="rules.yaml")


def alert(cluster: str, status: str = "firing", name: str = "Down", **more: Any) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "cluster": cluster},
        "annotations": {"summary": f"{cluster} is away"},
        "startsAt": "2026-11-24T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": f"{name}-{cluster}",
        **more,
    }


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}", "status": "firing", "alerts": list(alerts)}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "rules.yaml").write_text(RULES)
    return {
        "rules": tmp_path / "rules.yaml",
        "alert_token": tmp_path / "token",
        "alert_hmac": tmp_path / "key",
    }


@contextlib.asynccontextmanager
async def serving(
    client: Client, files: dict[str, Any], *, rate: int = 1000, **more: Any
) -> AsyncIterator[Webhook]:
    options = ServeOptions(listen="127.0.0.1:0", **(files | more))
    options.check()
    app = application(client, options, rules=rules(), secrets=Secrets(options), rate=rate)
    async with TestClient(TestServer(app)) as http:
        yield http


@pytest.fixture
async def webhook(client: Client, files: dict[str, Any]) -> AsyncIterator[Webhook]:
    async with serving(client, files) as http:
        yield http


async def send(
    http: Webhook, *alerts: dict[str, Any], status: int = 200, token: str = TOKEN
) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with http.post("/alerts", json=notification(*alerts), headers=headers) as response:
        assert response.status == status, await response.text()
        answer: list[dict[str, Any]] = await response.json()
        return answer


def results(answer: list[dict[str, Any]]) -> list[str]:
    return [entry["result"] for entry in answer]


async def test_an_alert_steers_its_cluster_once_and_its_end_steers_it_back(
    webhook: Webhook, recorded: Recorded
) -> None:
    name = await recorded.cluster()
    assert await send(webhook, alert(name)) == [
        {
            "fingerprint": f"Down-{name}",
            "rule": "down",
            "cluster": name,
            "action": "failover",
            "result": "signalled",
        }
    ]
    assert results(await send(webhook, alert(name), alert(name))) == ["known already"] * 2
    assert results(await send(webhook, alert(name, "resolved"))) == ["signalled"]
    # A copy of the beginning that comes late, from another Alertmanager, does not begin it again.
    assert results(await send(webhook, alert(name), alert(name, "resolved"))) == ["known already"] * 2
    # The next time is another one.
    again = alert(name, startsAt="2026-11-24T11:00:00Z")
    assert results(await send(webhook, again)) == ["signalled"]
    steered = await recorded.steered(name)
    assert [signal for signal, _ in steered] == ["failover", "recover", "failover"]
    first = steered[0][1]
    assert (first.requested_by, first.reason, first.now) == ("alertmanager", f"Down: {name} is away", True)
    assert not steered[1][1].now
    assert len({steer.request_id for _, steer in steered}) == 3


async def test_each_alert_has_its_own_answer(webhook: Webhook, recorded: Recorded) -> None:
    name = await recorded.cluster()
    answer = await send(
        webhook,
        alert("no-such"),
        alert(name, name="Odd"),
        alert("../" + name),
        alert(name, name="Work"),
        alert(name, "resolved", name="Work"),
    )
    assert results(answer) == [
        "no such cluster",
        "no rule",
        "no such cluster",
        "signalled",
        "nothing to do",
    ]
    assert answer[1]["rule"] is answer[1]["cluster"] is answer[1]["action"] is None
    assert await recorded.asked(name, count=1) == ["hold"]


async def test_only_a_cluster_that_has_joined_and_not_left_is_steered(
    webhook: Webhook, recorded: Recorded, client: Client
) -> None:
    name = f"c-{uuid4().hex[:12]}"
    assert results(await send(webhook, alert(name))) == ["no such cluster"]
    await recorded.cluster(name)
    assert results(await send(webhook, alert(name))) == ["signalled"]
    await client.get_workflow_handle(cluster_id(name)).terminate()
    assert results(await send(webhook, alert(name, "resolved"))) == ["no such cluster"]


async def test_after_a_restart_the_request_is_the_same_so_that_the_cluster_knows_it(
    client: Client, files: dict[str, Any], recorded: Recorded
) -> None:
    name = await recorded.cluster()
    for _ in range(2):
        async with serving(client, files) as http:
            assert results(await send(http, alert(name))) == ["signalled"]
    first, second = await recorded.steered(name)
    assert first == second


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    client: Client, files: dict[str, Any], recorded: Recorded
) -> None:
    name = await recorded.cluster()
    async with serving(client, files, dry_run=True, rate=1) as http:
        for _ in range(2):
            answer = await send(http, alert(name), alert("no-such"), alert(name, "resolved"))
            assert results(answer) == ["dry run", "no such cluster", "dry run"]
            assert [entry["action"] for entry in answer] == ["failover", "failover", "recover"]
    assert await recorded.steered(name) == []


async def test_above_the_limit_the_rest_has_to_come_again_and_nothing_is_recorded_of_it(
    client: Client, files: dict[str, Any], recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [await recorded.cluster() for _ in range(3)]
    async with serving(client, files, rate=2) as http:
        # What did not happen does not count.
        await send(http, alert("no-such"))
        alerts = [alert(name) for name in names]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with http.post("/alerts", json=notification(*alerts), headers=headers) as response:
            assert response.status == 503
            assert 1 <= int(response.headers["Retry-After"]) <= 60
            assert results(await response.json()) == ["signalled", "signalled", "rate limited"]
        assert await recorded.steered(names[2]) == []
        monkeypatch.setattr("serve.steering.PERIOD", 0.0)
        assert results(await send(http, *alerts)) == ["known already", "known already", "signalled"]
    assert [await recorded.asked(name, count=1) for name in names] == [["failover"]] * 3


async def test_two_alertmanagers_at_the_same_moment_act_once(webhook: Webhook, recorded: Recorded) -> None:
    names = [await recorded.cluster() for _ in range(3)]
    alerts = [alert(name) for name in names]
    answers = await asyncio.gather(*(send(webhook, *alerts) for _ in range(4)))
    for entries in zip(*answers, strict=True):
        assert sorted(results(list(entries))) == ["known already"] * 3 + ["signalled"]
    for name in names:
        assert await recorded.asked(name, count=1) == ["failover"]


async def test_while_temporal_is_away_the_notification_has_to_come_again(
    files: dict[str, Any], tmp_path: Path
) -> None:
    server = TemporalServer(tmp_path / "temporal", ui=False)
    server.start()
    client = await connect(Settings(), address=server.address)
    async with serving(client, files) as http:
        async with http.get("/readyz") as response:
            assert response.status == 200
        server.kill()
        began = time.monotonic()
        alerts = [alert("a"), alert("b"), alert("c", name="Odd")]
        # However many come at once, together they wait no longer than one.
        answers = await asyncio.gather(*(send(http, *alerts, status=503) for _ in range(5)))
        assert [results(answer) for answer in answers] == [["not delivered", "not delivered", "no rule"]] * 5
        assert time.monotonic() - began < 9
        async with http.get("/readyz") as response:
            assert response.status == 503
        async with http.get("/healthz") as response:
            assert response.status == 200
        server.start()
        async with asyncio.timeout(20):
            while (await http.get("/readyz")).status != 200:
                await asyncio.sleep(0.2)
        await asyncio.sleep(PAUSE)
        assert results(await send(http, alert("a"))) == ["no such cluster"]
    server.stop()


# -- who may send --------------------------------------------------------------------------------------------


def signed(body: bytes, stamp: str, key: str = KEY) -> dict[str, str]:
    digest = hmac.new(key.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    return {TIMESTAMP: stamp, SIGNATURE: f"sha256={digest}", "Content-Type": "application/json"}


async def test_a_signed_notification_acts_and_its_copy_is_refused(
    webhook: Webhook, recorded: Recorded
) -> None:
    name = await recorded.cluster()
    body = json.dumps(notification(alert(name))).encode()
    headers = signed(body, str(time.time()))
    for expected in (200, 401):
        async with webhook.post("/alerts", data=body, headers=headers) as response:
            assert response.status == expected
    assert await recorded.asked(name, count=1) == ["failover"]


async def test_what_failed_on_our_side_may_come_again_with_its_signature(
    client: Client, files: dict[str, Any], recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [await recorded.cluster() for _ in range(2)]
    body = json.dumps(notification(*(alert(name) for name in names))).encode()
    headers = signed(body, str(time.time()))
    async with serving(client, files, rate=1) as http:
        async with http.post("/alerts", data=body, headers=headers) as response:
            assert response.status == 503
        monkeypatch.setattr("serve.steering.PERIOD", 0.0)
        async with http.post("/alerts", data=body, headers=headers) as response:
            assert response.status == 200
    assert [await recorded.asked(name, count=1) for name in names] == [["failover"]] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {TIMESTAMP: str(time.time()), SIGNATURE: "sha256=" + "0" * 64},
    ],
)
async def test_strangers_learn_nothing_and_the_log_says_why(
    webhook: Webhook, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # Whatever they send: not even whether it could be read.
    for data in (b"{}", b"no json"):
        given = {"Content-Type": "application/json", **headers}
        async with webhook.post("/alerts", data=data, headers=given) as response:
            assert response.status == 401
            assert await response.text() == "unauthorized\n"
            assert "Server" not in response.headers
    assert "refused a notification from 127.0.0.1" in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"no json", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"version": "3", "alerts": []}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"version": "4", "alerts": []}', "application/json; charset=utf-8", 200),
        (b'{"version": "4", "alerts": []}', "text/plain", 415),
        (b" " * (LARGEST_BODY + 1), "application/json", 413),
    ],
)
async def test_what_is_no_notification_is_refused_for_good(
    webhook: Webhook, body: bytes, kind: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    async with webhook.post("/alerts", data=io.BytesIO(body), headers=headers) as response:
        assert response.status == status


async def test_a_body_without_an_end_is_cut_off(webhook: Webhook) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 2**16

    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        async with webhook.post("/alerts", data=endless(), headers=headers) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:
        pass  # It may hang up before everything is sent.


async def test_every_action_is_one_line_whatever_an_alert_says(
    webhook: Webhook, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="argosy.serve")
    name = await recorded.cluster()
    forged = alert(name, fingerprint='x"\n2026 INFO forged', annotations={"summary": "a\nb"})
    await send(webhook, forged)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "argosy.serve.alerts"]
    assert "\n" not in line
    assert f'rule="down" cluster="{name}" action="failover" result="signalled" why="Down: a b"' in line


async def test_without_credentials_only_this_machine_by_its_own_names_may_call(
    client: Client, files: dict[str, Any], recorded: Recorded
) -> None:
    name = await recorded.cluster()
    bare: dict[str, Any] = {"alert_token": None, "alert_hmac": None, "insecure": True}
    async with serving(client, files, **bare) as http:
        body = json.dumps(notification(alert(name)))
        for host, status in (
            ("rebound.example.com", 403),
            ("10.0.0.1", 403),
            ("localhost:1", 200),
            ("[::1]", 200),
        ):
            headers = {"Host": host, "Content-Type": "application/json"}
            async with http.post("/alerts", data=body, headers=headers) as response:
                assert response.status == status
    assert await recorded.asked(name, count=1) == ["failover"]
