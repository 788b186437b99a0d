"""Valid fields that Argosy does not act upon yet: refused by name, never silently ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from argosy.api.override import AnyOverridePolicy
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.validation import Problem

# Path below `spec` -> values that change nothing; any other value is refused.
_NOT_YET: dict[str, tuple[Any, ...]] = {
    "propagateDeps": (False,),
    "preemption": ("Never",),
    "dependentOverrides": ((),),
    "schedulerName": ("default-scheduler", ""),
    "failover": (),
    "activationPreference": ("",),
    "schedulePriority": (),
    "placement.clusterAffinities": ((),),
    "placement.spreadConstraints": ((),),
    "placement.workloadAffinity": (),
    "placement.replicaScheduling.weightPreference.dynamicWeight": ("",),
}
_AGGREGATED = "placement.replicaScheduling.replicaDivisionPreference"


def unsupported_in(policy: AnyPropagationPolicy | AnyOverridePolicy) -> Iterator[Problem]:
    """The fields of a policy that would have no effect, each with what to do about it."""
    if isinstance(policy, AnyOverridePolicy):
        return
    spec = policy.spec.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    for path, harmless in _NOT_YET.items():
        value = _at(spec, path)
        if value is not None and value not in harmless:
            yield Problem(path=f"spec.{path}", message="is not acted upon yet; remove it to go on without it")
    if _at(spec, _AGGREGATED) == "Aggregated":
        yield Problem(
            path=f"spec.{_AGGREGATED}",
            message="Aggregated is not acted upon yet; use Weighted with staticWeightList",
        )


def _at(spec: dict[str, Any], path: str) -> Any:
    current: Any = spec
    for part in path.split("."):
        if not isinstance(current, dict):
            return None
        current = current.get(part)
    return current
