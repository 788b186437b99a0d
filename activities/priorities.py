"""The priority of a template: the value of the PriorityClass that its policy names."""

from __future__ import annotations

import json
from collections.abc import Mapping

from activities.runs import RunInputs
from argosy.api.ids import propagation_id
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.propagation import PropagationInput
from argosy.errors import NotFound

# Every Kubernetes cluster has these two.
SYSTEM_CLASSES: Mapping[str, int] = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}


class Priorities:
    """Values of priority classes, which are templates as any other, read from the runs that hold them."""

    def __init__(self, inputs: RunInputs) -> None:
        self._inputs = inputs

    async def of(self, policy: AnyPropagationPolicy) -> int:
        """The priority of what a policy places; 0 where it names no class.

        Raises:
            NotFound: the class was not submitted.
            Transient: Temporal did not answer.
        """
        wish = policy.spec.schedule_priority
        if wish is None:
            return 0
        name = wish.priority_class_name
        known = SYSTEM_CLASSES.get(name)
        return known if known is not None else await self._submitted(name)

    async def _submitted(self, name: str) -> int:
        identifier = propagation_id(
            api_version="scheduling.k8s.io/v1", kind="PriorityClass", namespace=None, name=name
        )
        run_id = await self._inputs.current_run(identifier)
        start = await self._inputs.read(identifier, run_id, PropagationInput) if run_id else None
        if start is None or not start.template:
            raise NotFound(f"waiting for PriorityClass {name}, which schedulePriority names; apply it")
        value = json.loads(start.template).get("value")
        return value if isinstance(value, int) else 0
