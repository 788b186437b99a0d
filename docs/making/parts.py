"""The parts of pages that are made from the code, by the names that pages ask for."""

from __future__ import annotations

from collections.abc import Callable

from argosy.api.access import AccessRules
from argosy.api.alerting import AlertRules
from argosy.api.base import Model
from argosy.api.cluster import Cluster
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.interpreter_webhook import ResourceInterpreterWebhookConfiguration
from argosy.api.override import OverridePolicy
from argosy.api.policy import PropagationPolicy
from argosy.api.rebalancer import WorkloadRebalancer
from argosy.api.taint_policy import ClusterTaintPolicy
from docs.making import commands, models, tables

POLICIES: tuple[type[Model], ...] = (PropagationPolicy, OverridePolicy, ClusterTaintPolicy)
KINDS: tuple[type[Model], ...] = (
    ResourceInterpreterCustomization,
    ResourceInterpreterWebhookConfiguration,
    WorkloadRebalancer,
    Cluster,
    AlertRules,
    AccessRules,
)
PARTS: dict[str, Callable[[], str]] = {
    "commands": commands.commands,
    "policies": lambda: models.kinds(POLICIES),
    "kinds": lambda: models.kinds(KINDS),
    "settings": tables.settings,
    "failures": tables.failures,
    "marks": tables.marks,
    "stamps": tables.stamps,
    "taints": tables.taints,
    "exports": tables.exports,
    "refused": tables.refused,
    "decisions": tables.decisions,
}
