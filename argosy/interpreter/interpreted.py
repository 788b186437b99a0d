"""What planning has to know of one template, asked for once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from argosy.api.behaviour import Behaviour
from argosy.api.manifest import Manifest
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.interpreter import registry
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Object


@dataclass(frozen=True)
class Interpreted:
    """The interpreter's answers about one template.

    Attributes:
        replicas: None for kinds that have none.
        requirements: of one replica.
        components: of workloads with several pod templates.
        revised: replicas -> the template asking for so many, where a script or a webhook has to say it.
    """

    replicas: int | None = None
    requirements: ReplicaRequirements | None = None
    components: tuple[Component, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    revised: Mapping[int, Manifest] = field(default_factory=dict)


def natively(template: Object, behaviour: Behaviour) -> Interpreted:
    """What Argosy's own rules say.

    How many replicas a template asks for does not depend on the behaviour: no API server has written its defaults
    into it.

    Raises:
        InterpreterError: a field has the wrong type.
    """
    replicas = registry.replicas_of(template)
    needs = replicas if replicas is None else registry.replicas_of(template, behaviour)
    return Interpreted(
        replicas=replicas[0] if replicas else None,
        requirements=needs[1] if needs else None,
        components=registry.components_of(template, behaviour) or (),
        dependencies=registry.dependencies_of(template) or (),
    )
