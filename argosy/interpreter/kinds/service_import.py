"""ServiceImports of the multi-cluster services API."""

from __future__ import annotations

from argosy.api.behaviour import Behaviour
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Kind, Object
from argosy.interpreter.reading import text

_SERVICE_NAME = "kubernetes.io/service-name"


def _dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    """The Service that stands for the imported one, and its endpoints."""
    namespace = text(manifest, "metadata", "namespace")
    derived = f"derived-{text(manifest, 'metadata', 'name')}"
    return (
        Dependency(api_version="v1", kind="Service", namespace=namespace, name=derived),
        Dependency(
            api_version="discovery.k8s.io/v1",
            kind="EndpointSlice",
            namespace=namespace,
            labels=((_SERVICE_NAME, derived),),
        ),
    )


KIND = Kind(api_version="multicluster.x-k8s.io/v1alpha1", kind="ServiceImport", dependencies=_dependencies)
