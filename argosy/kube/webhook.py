"""Web services that are asked what objects mean: Karmada's ResourceInterpreterContext, posted over HTTPS."""

from __future__ import annotations

import base64
import binascii
import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from uuid import uuid4

import aiohttp
import jsonpatch
import jsonpointer
from pydantic import TypeAdapter, ValidationError

from argosy.api.customization import DependentObjectReference, Operation
from argosy.api.interpreter_webhook import (
    DEFAULT_TIMEOUT,
    NAMES,
    ResourceInterpreterWebhook,
    ResourceInterpreterWebhookConfiguration,
)
from argosy.api.manifest import Manifest
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.errors import InterpreterError, NotCustomized, Unreachable

API_VERSION = "config.karmada.io/v1alpha1"
KIND = "ResourceInterpreterContext"
LARGEST_ANSWER = 4 * 2**20
"""Bytes."""

_REQUIREMENTS: TypeAdapter[ReplicaRequirements | None] = TypeAdapter(ReplicaRequirements | None)
_COMPONENTS: TypeAdapter[tuple[Component, ...]] = TypeAdapter(tuple[Component, ...])
_DEPENDENCIES: TypeAdapter[tuple[DependentObjectReference, ...]] = TypeAdapter(
    tuple[DependentObjectReference, ...]
)

T = TypeVar("T")


@dataclass(frozen=True)
class _Service:
    """One web service, and what it is called in messages."""

    configuration: str
    webhook: ResourceInterpreterWebhook

    def __str__(self) -> str:
        return f"web service {self.webhook.name} of {self.configuration}"


class WebhookInterpreter:
    """Interprets objects by web services; the first by configuration and order with a rule for a question answers.

    Every operation raises:
        NotCustomized: no service has a rule for it.
        InterpreterError: the service says that it failed, or answers what it may not.
        Unreachable: it does not answer; the question may be repeated.
    """

    title = "webhook"

    def __init__(self, configurations: Iterable[ResourceInterpreterWebhookConfiguration]) -> None:
        ordered = sorted(configurations, key=lambda one: one.name)
        self._services = tuple(_Service(one.name, webhook) for one in ordered for webhook in one.webhooks)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def handles(self, api_version: str, kind: str, operation: Operation) -> bool:
        """Whether some service has a rule for `operation` on this kind in this version."""
        return self._service(api_version, kind, operation) is not None

    async def replicas(self, template: Manifest) -> tuple[int, ReplicaRequirements | None]:
        """How many replicas `template` asks for, and what each needs if the service says so."""
        service, answer = await self._ask(template, Operation.REPLICAS)
        replicas = answer.get("replicas")
        if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
            raise InterpreterError(f"{service} answers {replicas!r} and not a number of replicas; correct it")
        return replicas, _fitting(service, _REQUIREMENTS, answer.get("replicaRequirements"))

    async def components(self, template: Manifest) -> tuple[Component, ...]:
        """The pod templates of a workload that has several."""
        service, answer = await self._ask(template, Operation.COMPONENTS)
        return _fitting(service, _COMPONENTS, answer.get("components") or ())

    async def revise(self, template: Manifest, replicas: int) -> Manifest:
        """`template` asking for `replicas`."""
        return await self._patched(template, Operation.REVISE, replicas=replicas)

    async def retain(self, desired: Manifest, observed: Manifest) -> Manifest:
        """`desired` with what its member cluster is to keep of `observed`."""
        return await self._patched(desired, Operation.RETAIN, observedObject=observed)

    async def aggregate(self, template: Manifest, items: Sequence[Mapping[str, Any]] | None) -> Manifest:
        """`template` with the status that `items` make together."""
        return await self._patched(template, Operation.AGGREGATE, aggregatedStatus=list(items or ()))

    async def reflect(self, observed: Manifest) -> dict[str, Any] | None:
        """What of the status of `observed` is collected."""
        service, answer = await self._ask(observed, Operation.REFLECT)
        status = answer.get("rawStatus")
        if status is not None and not isinstance(status, dict):
            raise InterpreterError(f"{service} answers a status that is no object; correct it")
        return status

    async def health(self, observed: Manifest) -> bool:
        """Whether `observed` works as it should."""
        service, answer = await self._ask(observed, Operation.HEALTH)
        healthy = answer.get("healthy")
        if not isinstance(healthy, bool):
            raise InterpreterError(f"{service} answers {healthy!r} and not whether it is healthy; correct it")
        return healthy

    async def dependencies(self, template: Manifest) -> tuple[DependentObjectReference, ...]:
        """The objects that `template` needs beside it."""
        service, answer = await self._ask(template, Operation.DEPENDENCIES)
        return _fitting(service, _DEPENDENCIES, answer.get("dependencies") or ())

    async def _patched(self, manifest: Manifest, operation: Operation, **more: Any) -> Manifest:
        service, answer = await self._ask(manifest, operation, **more)
        encoded = answer.get("patch")
        if not encoded:
            return manifest
        if answer.get("patchType") != "JSONPatch":
            raise InterpreterError(f"{service} answers a patch that is no JSONPatch; correct it")
        try:
            operations = json.loads(base64.b64decode(encoded, validate=True))
            patched: Manifest = jsonpatch.JsonPatch(operations).apply(manifest)
        except (
            binascii.Error,
            ValueError,
            TypeError,
            jsonpatch.JsonPatchException,
            jsonpointer.JsonPointerException,
        ) as error:
            raise InterpreterError(
                f"{service} answers a patch that does not apply ({error}); correct it"
            ) from None
        return patched

    def _service(self, api_version: str, kind: str, operation: Operation) -> _Service | None:
        for service in self._services:
            if any(rule.covers(api_version, kind, operation) for rule in service.webhook.rules):
                return service
        return None

    async def _ask(
        self, manifest: Manifest, operation: Operation, **more: Any
    ) -> tuple[_Service, dict[str, Any]]:
        api_version, kind = str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")
        service = self._service(api_version, kind, operation)
        if service is None:
            raise NotCustomized(f"no web service has a rule for {NAMES[operation]} of {kind}; add one")
        group, _, version = api_version.rpartition("/")
        identifier = str(uuid4())
        question = {
            "uid": identifier,
            "kind": {"group": group, "version": version, "kind": kind},
            "name": manifest["metadata"].get("name", ""),
            "namespace": manifest["metadata"].get("namespace", ""),
            "operation": NAMES[operation],
            "object": manifest,
            **more,
        }
        answer = await self._post(service, {"apiVersion": API_VERSION, "kind": KIND, "request": question})
        response = answer.get("response") if isinstance(answer, dict) else None
        if not isinstance(response, dict) or response.get("uid") != identifier:
            raise InterpreterError(f"{service} answers no {KIND} with the question's uid; correct it")
        if response.get("successful") is not True:
            status = response.get("status")
            said = status.get("message") if isinstance(status, dict) else ""
            raise InterpreterError(f"{service} failed: {said or 'it gives no reason'}; look into its log")
        return service, response

    async def _post(self, service: _Service, body: dict[str, Any]) -> Any:
        webhook = service.webhook
        limit = aiohttp.ClientTimeout(total=webhook.timeout_seconds or DEFAULT_TIMEOUT)
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=True)
        try:
            async with self._session.post(
                webhook.client_config.address,
                json=body,
                ssl=_trusting(service),
                timeout=limit,
                allow_redirects=False,
            ) as answer:
                content = await answer.content.read(LARGEST_ANSWER + 1)
                if answer.status != 200:
                    raise InterpreterError(
                        f"{service} answers with status {answer.status}; look into its log"
                    )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            text = str(error) or f"no answer within {limit.total} s"
            raise Unreachable(f"{service} cannot be asked: {text}; it is asked again") from error
        if len(content) > LARGEST_ANSWER:
            raise InterpreterError(f"{service} answers more than {LARGEST_ANSWER >> 20} MiB; correct it")
        try:
            return json.loads(content)
        except ValueError as error:
            raise InterpreterError(f"{service} answers no JSON ({error}); correct it") from None


def _trusting(service: _Service) -> ssl.SSLContext:
    bundle = service.webhook.client_config.ca_bundle
    try:
        trusted = base64.b64decode(bundle, validate=True).decode() if bundle else None
        return ssl.create_default_context(cadata=trusted)
    except (binascii.Error, ValueError, ssl.SSLError) as error:
        raise InterpreterError(f"the caBundle of {service} cannot be read ({error}); correct it") from None


def _fitting(service: _Service, model: TypeAdapter[T], answer: Any) -> T:
    try:
        return model.validate_python(answer, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InterpreterError(
            f"{service} answers what is wrong ({error.errors()[0]['msg']}); correct it"
        ) from None
