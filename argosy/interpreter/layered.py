"""All that can say what an object means, asked in Karmada's order: customizations, web services, Argosy's own rules.

The first that covers a question answers it, and its error is final.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from argosy.api.behaviour import Behaviour
from argosy.api.customization import DependentObjectReference, Operation
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.errors import NotCustomized
from argosy.interpreter import registry
from argosy.interpreter.conventions import health_by_conventions
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.interpreted import Interpreted, natively

T = TypeVar("T")

OWN_RULES = "argosy"
_FIELDS: Mapping[Operation, registry.Operation] = {
    Operation.REPLICAS: "replicas",
    Operation.COMPONENTS: "components",
    Operation.REVISE: "revise",
    Operation.RETAIN: "retain",
    Operation.REFLECT: "reflect",
    Operation.AGGREGATE: "aggregate",
    Operation.HEALTH: "health",
    Operation.DEPENDENCIES: "dependencies",
}


class Layer(Protocol):
    """One way to be told what objects mean; every operation raises InterpreterError where it fails."""

    @property
    def title(self) -> str:
        """What answers are attributed to."""

    def handles(self, api_version: str, kind: str, operation: Operation) -> bool:
        """Whether it covers a question about objects of this kind."""

    async def replicas(self, template: Manifest) -> tuple[int, ReplicaRequirements | None]:
        """How many replicas, and what each needs."""

    async def components(self, template: Manifest) -> tuple[Component, ...]:
        """The pod templates of a workload that has several."""

    async def revise(self, template: Manifest, replicas: int) -> Manifest:
        """The template asking for so many."""

    async def retain(self, desired: Manifest, observed: Manifest) -> Manifest:
        """The desired object with what the member is to keep."""

    async def reflect(self, observed: Manifest) -> dict[str, Any] | None:
        """What of the status is collected."""

    async def aggregate(self, template: Manifest, items: Sequence[Mapping[str, Any]] | None) -> Manifest:
        """The template with the status that the reports make together."""

    async def health(self, observed: Manifest) -> bool:
        """Whether it works as it should."""

    async def dependencies(self, template: Manifest) -> tuple[DependentObjectReference, ...]:
        """What it needs beside it."""


class Layered:
    """Every operation of every layer.

    Each raises InterpreterError where the layer that covers it fails, and NotCustomized where nobody covers it.
    """

    def __init__(self, layers: Iterable[Layer] = (), *, behaviour: Behaviour = "argosy") -> None:
        self._layers = tuple(layers)
        self._behaviour: Behaviour = behaviour

    def layer_of(self, manifest: Mapping[str, Any], operation: Operation) -> Layer | None:
        """The layer that answers, or None for Argosy's own rules."""
        api_version, kind = str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")
        return next((one for one in self._layers if one.handles(api_version, kind, operation)), None)

    def title_of(self, manifest: Mapping[str, Any], operation: Operation) -> str:
        """Who answers, in words; empty where nobody does."""
        layer = self.layer_of(manifest, operation)
        if layer is not None:
            return layer.title
        general = operation in {Operation.REFLECT, Operation.HEALTH}
        known = registry.knows(manifest, _FIELDS[operation], self._behaviour)
        return OWN_RULES if known or (general and self._behaviour == "argosy") else ""

    async def replicas(self, template: Manifest) -> tuple[int, ReplicaRequirements | None]:
        """See `Layer.replicas`."""
        layer = self.layer_of(template, Operation.REPLICAS)
        if layer is not None:
            return await layer.replicas(template)
        return _known(registry.replicas_of(template, self._behaviour), template, Operation.REPLICAS)

    async def components(self, template: Manifest) -> tuple[Component, ...]:
        """See `Layer.components`."""
        layer = self.layer_of(template, Operation.COMPONENTS)
        if layer is not None:
            return await layer.components(template)
        return _known(registry.components_of(template, self._behaviour), template, Operation.COMPONENTS)

    async def revise(self, template: Manifest, replicas: int) -> Manifest:
        """See `Layer.revise`."""
        layer = self.layer_of(template, Operation.REVISE)
        if layer is not None:
            return await layer.revise(template, replicas)
        known = registry.knows(template, "revise", self._behaviour)
        revised = registry.revise_replicas(template, replicas, self._behaviour) if known else None
        return _known(revised, template, Operation.REVISE)

    async def retain(self, desired: Manifest, observed: Manifest) -> Manifest:
        """See `Layer.retain`."""
        layer = self.layer_of(desired, Operation.RETAIN)
        if layer is not None:
            return await layer.retain(desired, observed)
        known = registry.knows(desired, "retain", self._behaviour)
        return _known(registry.retained(desired, observed) if known else None, desired, Operation.RETAIN)

    async def reflect(self, observed: Manifest) -> Any:
        """See `Layer.reflect`; where nobody covers it, the whole status."""
        layer = self.layer_of(observed, Operation.REFLECT)
        if layer is not None:
            return await layer.reflect(observed)
        return registry.reflected_status(observed, self._behaviour)

    async def aggregate(self, template: Manifest, items: Sequence[Mapping[str, Any]] | None) -> Manifest:
        """See `Layer.aggregate`."""
        layer = self.layer_of(template, Operation.AGGREGATE)
        if layer is not None:
            return await layer.aggregate(template, items)
        whole = registry.aggregated(template, items, self._behaviour)
        return _known(whole, template, Operation.AGGREGATE)

    async def health(self, observed: Manifest) -> Assessment:
        """How an object fares; what a layer calls unhealthy is on its way where its conditions say so."""
        layer = self.layer_of(observed, Operation.HEALTH)
        if layer is None:
            return registry.health_of(observed, self._behaviour)
        if await layer.health(observed):
            return Assessment(health=ObjectHealth.HEALTHY, message=f"healthy by {layer.title}")
        general = health_by_conventions(observed)
        if general.health == ObjectHealth.PROGRESSING:
            return general
        message = f"unhealthy by {layer.title}" if general.is_healthy else general.message
        return Assessment(health=ObjectHealth.DEGRADED, message=message)

    async def dependencies(self, template: Manifest) -> tuple[Dependency, ...]:
        """See `Layer.dependencies`."""
        layer = self.layer_of(template, Operation.DEPENDENCIES)
        if layer is not None:
            return tuple(map(_dependency, await layer.dependencies(template)))
        found = registry.dependencies_of(template, self._behaviour)
        return _known(found, template, Operation.DEPENDENCIES)

    async def interpreted(self, template: Manifest) -> Interpreted:
        """What planning has to know of a template, without waiting where only Argosy's own rules are there."""
        known = natively(template, self._behaviour)
        found: dict[str, Any] = {}
        if self.layer_of(template, Operation.REPLICAS) is not None:
            found["replicas"], found["requirements"] = await self.replicas(template)
        if self.layer_of(template, Operation.COMPONENTS) is not None:
            found["components"] = await self.components(template)
        if self.layer_of(template, Operation.DEPENDENCIES) is not None:
            found["dependencies"] = await self.dependencies(template)
        return replace(known, **found)

    async def revised(self, template: Manifest, replicas: Iterable[int]) -> dict[int, Manifest]:
        """The template for each of these numbers, where a layer and not Argosy's own rules have to say it."""
        layer = self.layer_of(template, Operation.REVISE)
        if layer is None:
            return {}
        return {number: await layer.revise(template, number) for number in sorted(set(replicas))}

    def retains(self, desired: Mapping[str, Any]) -> bool:
        """Whether applying has to look at the member's object first."""
        return self.layer_of(desired, Operation.RETAIN) is not None or registry.retains(desired)


def _known(answer: T | None, manifest: Mapping[str, Any], operation: Operation) -> T:
    if answer is None:
        raise NotCustomized(
            f"nothing defines {operation} for {manifest.get('kind')} of {manifest.get('apiVersion')}; "
            "write a ResourceInterpreterCustomization"
        )
    return answer


def _dependency(one: DependentObjectReference) -> Dependency:
    labels = one.label_selector.match_labels if one.label_selector is not None else {}
    return Dependency(
        api_version=one.api_version,
        kind=one.kind,
        namespace=one.namespace,
        name=one.name,
        labels=tuple(sorted(labels.items())),
    )
