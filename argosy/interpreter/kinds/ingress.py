"""Ingresses."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment
from argosy.api.manifest import Manifest
from argosy.errors import InterpreterError
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.load_balancer import addressed, merged
from argosy.interpreter.reading import entries, text


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    return merged(manifest, items)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    return addressed(manifest)


def _dependencies(manifest: Object, behaviour: Behaviour) -> tuple[Dependency, ...]:
    names = [text(one, "secretName") for one in entries(manifest, "spec", "tls")]
    if behaviour == "karmada" and not all(names):
        raise InterpreterError("spec.tls has an entry without secretName; name one")
    namespace = text(manifest, "metadata", "namespace")
    return tuple(
        Dependency(api_version="v1", kind="Secret", namespace=namespace, name=name)
        for name in dict.fromkeys(names)
        if name
    )


KIND = Kind(
    api_version="networking.k8s.io/v1",
    kind="Ingress",
    aggregate=_aggregate,
    health=_health,
    dependencies=_dependencies,
)
