"""What a worker counts and measures; served together with the SDK's own metrics, or nowhere.

Names end in their unit. A label `cluster` is a member's name; `outcome` is what an attempt did, or the category of its
error (`argosy/errors.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType

from temporalio.common import MetricMeter

from argosy.errors import ArgosyError

PLAN = "argosy_plan_duration_seconds"
APPLY = "argosy_apply_duration_seconds"
PROPAGATION = "argosy_propagation_duration_seconds"
PROBE = "argosy_probe_duration_seconds"
REQUEST = "argosy_serve_request_duration_seconds"
_FINE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BUCKETS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        PLAN: _FINE,
        APPLY: _FINE,
        PROBE: _FINE,
        REQUEST: _FINE,
        PROPAGATION: (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0),
    }
)
"""Upper bounds in seconds."""
EVICTIONS = "argosy_evictions"
EVICTIONS_HELP = "Copies that were to move away from a cluster."
PROPAGATION_HELP = "From the submission of a template until every copy is applied."


class Attempt:
    """One attempt under way; whoever makes it says what came of it, or an error does.

    Attributes:
        outcome: a word.
        began: by the clock of `time.monotonic`.
    """

    def __init__(self) -> None:
        self.outcome = "done"
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has taken up to now."""
        return time.monotonic() - self.began


class Metrics:
    """The instruments of one process."""

    def __init__(self, meter: MetricMeter) -> None:
        self._plan = meter.create_histogram_float(PLAN, "Planning of one template, with a fused first apply.")
        self._apply = meter.create_histogram_float(APPLY, "One attempt to apply one copy.")
        self._applies = meter.create_counter("argosy_apply_attempts", "Attempts to apply a copy.")
        self._removals = meter.create_counter("argosy_removal_attempts", "Attempts to remove a copy.")
        self._drifts = meter.create_counter("argosy_drift_corrections", "Copies that others had changed.")
        self._probe = meter.create_histogram_float(PROBE, "Answered probes of clusters.")
        self._probes = meter.create_counter("argosy_probes", "Probes of clusters.")
        self._ready = meter.create_gauge_float(
            "argosy_cluster_ready", "1 ready, 0 not ready, as confirmed; NaN where another worker watches it."
        )
        self._sent = meter.create_counter("argosy_observations_sent", "Signals that tell of copies.")
        self._queued = meter.create_gauge("argosy_observations_queued", "Propagations that wait to be told.")

    def planning(self) -> AbstractContextManager[Attempt]:
        """Measure what is done inside."""
        return _attempt(lambda one: self._plan.record(one.seconds, {"outcome": one.outcome}))

    def applying(self, cluster: str) -> AbstractContextManager[Attempt]:
        """Measure and count what is done inside."""

        def ended(one: Attempt) -> None:
            self._apply.record(one.seconds, {"outcome": one.outcome})
            self._applies.add(1, {"cluster": cluster, "outcome": one.outcome})

        return _attempt(ended)

    def removing(self, cluster: str) -> AbstractContextManager[Attempt]:
        """Count what is done inside."""
        return _attempt(lambda one: self._removals.add(1, {"cluster": cluster, "outcome": one.outcome}))

    def correcting(self, cluster: str) -> AbstractContextManager[Attempt]:
        """Count what is done inside."""
        return _attempt(lambda one: self._drifts.add(1, {"cluster": cluster, "outcome": one.outcome}))

    def probed(self, cluster: str, *, ok: bool, seconds: float) -> None:
        """A probe was answered, or was not."""
        self._probes.add(1, {"cluster": cluster, "result": "ok" if ok else "failed"})
        if ok:
            self._probe.record(seconds, {"cluster": cluster})

    def watching(self, cluster: str, *, ready: bool) -> None:
        """This process watches a cluster, of which so much is confirmed."""
        self._ready.set(float(ready), {"cluster": cluster})

    def not_watching(self, cluster: str) -> None:
        """It does not any more, so that what it knew must not be taken for what is."""
        self._ready.set(math.nan, {"cluster": cluster})

    def told(self, *, queued: int, sent: int = 0) -> None:
        """Of the outbox: how many propagations wait to be told, and how many signals were sent just now."""
        self._queued.set(queued)
        self._sent.add(sent)


@contextmanager
def _attempt(ended: Callable[[Attempt], None]) -> Iterator[Attempt]:
    attempt = Attempt()
    try:
        yield attempt
    except ArgosyError as error:
        attempt.outcome = error.category
        raise
    except asyncio.CancelledError:
        attempt.outcome = "Cancelled"
        raise
    except Exception:
        attempt.outcome = "Internal"
        raise
    finally:
        ended(attempt)


OFF = Metrics(MetricMeter.noop)
"""Where nobody asks."""
