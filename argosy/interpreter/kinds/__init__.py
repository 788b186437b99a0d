"""The kinds of Kubernetes itself, one module each."""

from __future__ import annotations

from collections.abc import Mapping

from argosy.interpreter.kind import Kind
from argosy.interpreter.kinds import (
    cron_job,
    daemon_set,
    deployment,
    horizontal_pod_autoscaler,
    ingress,
    job,
    persistent_volume,
    persistent_volume_claim,
    pod,
    pod_disruption_budget,
    replica_set,
    replication_controller,
    secret,
    service,
    service_account,
    service_import,
    stateful_set,
)

_MODULES = (
    cron_job,
    daemon_set,
    deployment,
    horizontal_pod_autoscaler,
    ingress,
    job,
    persistent_volume,
    persistent_volume_claim,
    pod,
    pod_disruption_budget,
    replica_set,
    replication_controller,
    secret,
    service,
    service_account,
    service_import,
    stateful_set,
)

KINDS: Mapping[tuple[str, str], Kind] = {
    (module.KIND.api_version, module.KIND.kind): module.KIND for module in _MODULES
}
"""By apiVersion and kind."""
