"""What only an entity knows and is worth counting; the SDK counts nothing while a history is replayed."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from activities.metrics import EVICTIONS, EVICTIONS_HELP, PROPAGATION, PROPAGATION_HELP


def evicted(cluster: str, cause: str) -> None:
    """A copy is to move away from a cluster."""
    counter = workflow.metric_meter().create_counter(EVICTIONS, EVICTIONS_HELP)
    counter.add(1, {"cluster": cluster, "cause": cause})


def propagated(took: timedelta) -> None:
    """Every copy of what was submitted so long ago is applied; the clock may be another machine's."""
    histogram = workflow.metric_meter().create_histogram_float(PROPAGATION, PROPAGATION_HELP)
    histogram.record(max(0.0, took.total_seconds()))
