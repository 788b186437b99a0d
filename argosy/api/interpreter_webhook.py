"""ResourceInterpreterWebhookConfiguration (config.karmada.io/v1alpha1): what objects mean, told by a web service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from argosy.api.base import KubernetesObject, Model
from argosy.api.customization import Operation
from argosy.api.meta import ObjectMeta
from argosy.api.validation import Problem

ANY = "*"
CONTEXT_VERSION = "v1alpha1"
DEFAULT_TIMEOUT = 10
"""Seconds."""

NAMES: dict[Operation, str] = {
    Operation.REPLICAS: "InterpretReplica",
    Operation.COMPONENTS: "InterpretComponent",
    Operation.REVISE: "ReviseReplica",
    Operation.RETAIN: "Retain",
    Operation.AGGREGATE: "AggregateStatus",
    Operation.REFLECT: "InterpretStatus",
    Operation.HEALTH: "InterpretHealth",
    Operation.DEPENDENCIES: "InterpretDependency",
}
"""Operations as web services and the command line name them."""


class ServiceReference(Model):
    """A service of the cluster that Argosy runs in.

    Attributes:
        namespace, name: of the service.
        path: of the URL.
        port: its port.
    """

    namespace: str
    name: str
    path: str = ""
    port: int = 443


class WebhookClientConfig(Model):
    """How a web service is reached; exactly one of `url` and `service` is given.

    Attributes:
        url: with https.
        service: in the cluster that the worker runs in.
        ca_bundle: PEM certificates in base64 that its certificate is checked against.
    """

    url: str = ""
    service: ServiceReference | None = None
    ca_bundle: str = ""

    @property
    def address(self) -> str:
        """Where to post questions."""
        if self.service is None:
            return self.url
        one = self.service
        return f"https://{one.name}.{one.namespace}.svc:{one.port}/{one.path.lstrip('/')}"


class RuleWithOperations(Model):
    """Which questions a web service answers; `*` means all.

    Attributes:
        operations: such as InterpretReplica and InterpretHealth, as `argosy interpret --operation` names them.
        api_groups: empty text is the core group.
        api_versions: without the group.
        kinds: of the objects.
    """

    operations: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def covers(self, api_version: str, kind: str, operation: Operation) -> bool:
        """Whether a question about an object of this kind is among them."""
        group, _, version = api_version.rpartition("/")
        return all(
            ANY in allowed or value in allowed
            for allowed, value in (
                (self.operations, NAMES[operation]),
                (self.api_groups, group),
                (self.api_versions, version),
                (self.kinds, kind),
            )
        )


class ResourceInterpreterWebhook(Model):
    """One web service.

    Attributes:
        name: a domain name of at least three parts.
        client_config: where it is.
        rules: what it is asked.
        timeout_seconds: 1 to 30; 10 where nothing is written.
        interpreter_context_versions: must have `v1alpha1`.
    """

    name: str
    client_config: WebhookClientConfig
    rules: tuple[RuleWithOperations, ...] = ()
    timeout_seconds: int | None = None
    interpreter_context_versions: tuple[str, ...] = ()


class ResourceInterpreterWebhookConfiguration(KubernetesObject):
    """Web services that are asked what objects mean; the first with a rule for a question answers it.

    Attributes:
        webhooks: in their order.
    """

    api_version: Literal["config.karmada.io/v1alpha1"] = "config.karmada.io/v1alpha1"
    kind: Literal["ResourceInterpreterWebhookConfiguration"] = "ResourceInterpreterWebhookConfiguration"
    metadata: ObjectMeta
    webhooks: tuple[ResourceInterpreterWebhook, ...] = Field(default=())

    @property
    def name(self) -> str:
        return self.metadata.name


def webhook_problems(configuration: ResourceInterpreterWebhookConfiguration) -> list[Problem]:
    """Everything that is wrong in a configuration."""
    names = Counter(one.name for one in configuration.webhooks)
    found = [
        Problem(path="webhooks", message=f"has {name} twice", remedy="give each a name of its own")
        for name, count in names.items()
        if count > 1
    ]
    for index, one in enumerate(configuration.webhooks):
        found += _problems_of(one, f"webhooks[{index}]")
    return found


def _problems_of(webhook: ResourceInterpreterWebhook, path: str) -> Iterator[Problem]:
    if len([part for part in webhook.name.split(".") if part]) < 3:
        yield Problem(
            path=f"{path}.name",
            message=f"is {webhook.name!r}",
            remedy="write a domain name with at least three parts, such as workloads.example.com",
        )
    config = webhook.client_config
    if bool(config.url) == (config.service is not None):
        yield Problem(path=f"{path}.clientConfig", message="names none or both", remedy="give url or service")
    if config.url and not config.url.startswith("https://"):
        yield Problem(path=f"{path}.clientConfig.url", message=f"is {config.url!r}", remedy="use https")
    if webhook.timeout_seconds is not None and not 1 <= webhook.timeout_seconds <= 30:
        yield Problem(
            path=f"{path}.timeoutSeconds", message=f"is {webhook.timeout_seconds}", remedy="write 1 to 30"
        )
    if CONTEXT_VERSION not in webhook.interpreter_context_versions:
        yield Problem(
            path=f"{path}.interpreterContextVersions", message="lacks v1alpha1", remedy="add v1alpha1"
        )
    for number, rule in enumerate(webhook.rules):
        yield from _rule_problems(rule, f"{path}.rules[{number}]")


def _rule_problems(rule: RuleWithOperations, path: str) -> Iterator[Problem]:
    fields = {
        "operations": rule.operations,
        "apiGroups": rule.api_groups,
        "apiVersions": rule.api_versions,
        "kinds": rule.kinds,
    }
    for name, values in fields.items():
        if not values:
            yield Problem(path=f"{path}.{name}", message="is empty", remedy="name some, or * for all")
        elif ANY in values and len(values) > 1:
            yield Problem(path=f"{path}.{name}", message="has * beside others", remedy="write * alone")
    unknown = sorted(set(rule.operations) - set(NAMES.values()) - {ANY})
    if unknown:
        known = ", ".join(NAMES.values())
        yield Problem(
            path=f"{path}.operations", message=f"has {', '.join(unknown)}", remedy=f"use {known} or *"
        )
