"""Web services that say what objects mean, on a real HTTPS server."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from argosy.api.customization import Operation
from argosy.api.interpreter_webhook import ResourceInterpreterWebhookConfiguration, webhook_problems
from argosy.errors import InterpreterError, NotCustomized, Unreachable
from argosy.interpreter.layered import Layered
from argosy.kube.webhook import WebhookInterpreter
from devcluster.certificates import Credentials, create

WIDGET = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "shop"},
    "spec": {"size": 3},
}
Respond = Callable[[dict[str, Any]], dict[str, Any]]


class Service:
    """A web service that answers as a test says, over real TLS."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.respond: Respond = lambda _: {"successful": True}
        self.asked: list[dict[str, Any]] = []
        self.port = 0
        self.patience = 0.0

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one ResourceInterpreterContext."""
        question = (await request.json())["request"]
        self.asked.append(question)
        await asyncio.sleep(self.patience)
        response = {"uid": question["uid"], **self.respond(question)}
        return web.json_response(
            {
                "apiVersion": "config.karmada.io/v1alpha1",
                "kind": "ResourceInterpreterContext",
                "response": response,
            }
        )

    def configuration(self, **changes: Any) -> ResourceInterpreterWebhookConfiguration:
        """The configuration that a user would store."""
        bundle = base64.b64encode(self.credentials.ca.read_bytes()).decode()
        webhook = {
            "name": "widgets.example.com",
            "clientConfig": {"url": f"https://localhost:{self.port}/interpret", "caBundle": bundle},
            "rules": [
                {"operations": ["*"], "apiGroups": ["example.com"], "apiVersions": ["*"], "kinds": ["Widget"]}
            ],
            "interpreterContextVersions": ["v1alpha1"],
            **changes,
        }
        return ResourceInterpreterWebhookConfiguration.model_validate(
            {"metadata": {"name": "widgets"}, "webhooks": [webhook]}
        )


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    made = Service(create(tmp_path / "tls", name="webhook"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.credentials.serving_certificate, made.credentials.serving_key)
    app = web.Application()
    app.router.add_post("/interpret", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
async def interpreter(service: Service) -> AsyncIterator[WebhookInterpreter]:
    async with WebhookInterpreter([service.configuration()]) as made:
        yield made


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"successful": True, "patchType": "JSONPatch", "patch": encoded}


async def test_every_operation_asks_and_reads_the_answer(
    service: Service, interpreter: WebhookInterpreter
) -> None:
    service.respond = lambda _: {
        "successful": True,
        "replicas": 3,
        "replicaRequirements": {"resourceRequest": {"cpu": "1"}},
        "healthy": True,
        "rawStatus": {"busy": 1},
        "dependencies": [{"apiVersion": "v1", "kind": "Secret", "namespace": "shop", "name": "key"}],
    }
    replicas, needs = await interpreter.replicas(WIDGET)
    assert replicas == 3
    assert needs is not None
    assert str(needs.resource_request["cpu"]) == "1"
    assert await interpreter.health(WIDGET) is True
    assert await interpreter.reflect(WIDGET) == {"busy": 1}
    assert [one.name for one in await interpreter.dependencies(WIDGET)] == ["key"]
    assert await interpreter.components(WIDGET) == ()
    first = service.asked[0]
    assert first["kind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert (first["name"], first["namespace"], first["operation"]) == ("w", "shop", "InterpretReplica")
    assert first["object"] == WIDGET


async def test_objects_come_back_as_patches(service: Service, interpreter: WebhookInterpreter) -> None:
    service.respond = lambda question: patch(
        {"op": "replace", "path": "/spec/size", "value": question.get("replicas", 0)}
    )
    revised = await interpreter.revise(WIDGET, 7)
    assert revised["spec"] == {"size": 7}
    assert WIDGET["spec"] == {"size": 3}
    observed = {**WIDGET, "spec": {"size": 9}}
    await interpreter.retain(WIDGET, observed)
    assert service.asked[-1]["observedObject"] == observed
    await interpreter.aggregate(WIDGET, [{"clusterName": "a", "status": {}}])
    assert service.asked[-1]["aggregatedStatus"] == [{"clusterName": "a", "status": {}}]
    service.respond = lambda _: {"successful": True}
    assert await interpreter.revise(WIDGET, 7) == WIDGET


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "it says that it failed": ({"successful": False, "status": {"message": "no quota"}}, "failed: no quota"),
    "it is another question's answer": ({"successful": True, "uid": "other"}, "with the question's uid"),
    "no number": ({"successful": True, "replicas": "3"}, "'3' and not a number of replicas"),
    "requirements that are none": (
        {"successful": True, "replicas": 3, "replicaRequirements": {"resourceRequest": {"cpu": "much"}}},
        "answers what is wrong",
    ),
}


@pytest.mark.parametrize(("response", "words"), WRONG.values(), ids=WRONG.keys())
async def test_an_answer_that_may_not_be_is_final(
    service: Service, interpreter: WebhookInterpreter, response: dict[str, Any], words: str
) -> None:
    service.respond = lambda _: response
    with pytest.raises(InterpreterError) as caught:
        await interpreter.replicas(WIDGET)
    assert words in str(caught.value)
    assert not caught.value.retryable


async def test_a_patch_that_does_not_apply_is_an_error(
    service: Service, interpreter: WebhookInterpreter
) -> None:
    service.respond = lambda _: patch({"op": "remove", "path": "/spec/colour"})
    with pytest.raises(InterpreterError, match="a patch that does not apply"):
        await interpreter.revise(WIDGET, 1)


async def test_a_service_that_cannot_be_trusted_or_reached_is_asked_again(service: Service) -> None:
    unknown = service.configuration(clientConfig={"url": f"https://localhost:{service.port}/"})
    async with WebhookInterpreter([unknown]) as stranger:
        with pytest.raises(Unreachable, match="cannot be asked") as caught:
            await stranger.health(WIDGET)
    assert caught.value.retryable
    service.patience = 3
    async with WebhookInterpreter([service.configuration(timeoutSeconds=1)]) as impatient:
        with pytest.raises(Unreachable, match="cannot be asked"):
            await impatient.health(WIDGET)


async def test_layers_are_asked_in_order_and_own_rules_come_last(
    service: Service, interpreter: WebhookInterpreter
) -> None:
    layered = Layered([interpreter])
    assert layered.title_of(WIDGET, Operation.HEALTH) == "webhook"
    service.respond = lambda _: {"successful": True, "healthy": False}
    assert (await layered.health(WIDGET)).message == "unhealthy by webhook"
    other = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"replicas": 2}}
    assert layered.title_of(other, Operation.REPLICAS) == "argosy"
    assert (await layered.replicas(other))[0] == 2
    with pytest.raises(NotCustomized):
        await layered.components(other)


def test_a_configuration_is_checked() -> None:
    wrong = ResourceInterpreterWebhookConfiguration.model_validate(
        {
            "metadata": {"name": "w"},
            "webhooks": [
                {
                    "name": "short",
                    "clientConfig": {"url": "http://example.com"},
                    "rules": [
                        {"operations": ["Guess"], "apiGroups": ["*", "a"], "apiVersions": [], "kinds": ["W"]}
                    ],
                    "timeoutSeconds": 31,
                }
            ],
        }
    )
    assert [problem.path for problem in webhook_problems(wrong)] == [
        "webhooks[0].name",
        "webhooks[0].clientConfig.url",
        "webhooks[0].timeoutSeconds",
        "webhooks[0].interpreterContextVersions",
        "webhooks[0].rules[0].apiGroups",
        "webhooks[0].rules[0].apiVersions",
        "webhooks[0].rules[0].operations",
    ]
