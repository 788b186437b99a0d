"""What Karmada's API refuses although it is well-formed: one list of problems per object.

Models check types and enumerations; everything else that the schema or the validating webhooks refuse is
here. Objects are judged as they are: apply the defaults first where the API would.
"""

from __future__ import annotations

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.taint_policy import ClusterTaintPolicy
from argosy.api.validation.cluster import cluster_problems
from argosy.api.validation.customization import conflicts, customization_problems
from argosy.api.validation.override import override_problems
from argosy.api.validation.problem import Problem
from argosy.api.validation.propagation import propagation_problems
from argosy.api.validation.taint_policy import taint_policy_problems

__all__ = ["Problem", "conflicts", "validate"]


def validate(
    model: AnyPropagationPolicy
    | AnyOverridePolicy
    | Cluster
    | ClusterTaintPolicy
    | ResourceInterpreterCustomization,
    *,
    behaviour: Behaviour = "karmada",
) -> list[Problem]:
    """Return everything that Karmada's API would refuse in `model`; nothing means that it is valid.

    With behaviour `argosy`, what one of its rules makes sense of is valid too.
    """
    if isinstance(model, Cluster):
        return list(cluster_problems(model))
    if isinstance(model, ClusterTaintPolicy):
        return list(taint_policy_problems(model, behaviour))
    if isinstance(model, ResourceInterpreterCustomization):
        return list(customization_problems(model))
    if isinstance(model, OverridePolicy | ClusterOverridePolicy):
        return list(override_problems(model))
    return list(propagation_problems(model, behaviour))
