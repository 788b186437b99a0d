from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from argosy.api.cluster import Cluster
from argosy.api.meta import Taint, Toleration
from argosy.interpreter.patience import moves_freely
from argosy.scheduling.eviction import is_outage, leaves_at

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULTS = {"cluster.karmada.io/not-ready": timedelta(seconds=3)}


def taint(key: str = "maintenance", *, effect: Any = "NoExecute", after: int = 0) -> Taint:
    return Taint(key=key, effect=effect, time_added=T0 + timedelta(seconds=after))


def toleration(key: str = "maintenance", seconds: int | None = None) -> Toleration:
    return Toleration(key=key, operator="Exists", toleration_seconds=seconds)


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("taints", "tolerations", "expected"),
    [
        ([], [], None),
        ([taint(effect="NoSchedule")], [], None),
        ([taint()], [], at(0)),
        ([taint()], [toleration()], None),
        ([taint()], [toleration(seconds=60)], at(60)),
        ([taint()], [toleration(seconds=-5)], at(0)),
        ([taint()], [toleration(), toleration(seconds=60)], at(60)),
        ([taint(), taint("b", after=10)], [toleration(seconds=60), toleration("b", 20)], at(30)),
        ([taint(), taint("b")], [toleration()], at(0)),
        ([taint("cluster.karmada.io/not-ready")], [], at(3)),
        ([taint("cluster.karmada.io/not-ready")], [toleration("cluster.karmada.io/not-ready", 300)], at(300)),
        ([taint("cluster.karmada.io/not-ready")], [toleration("cluster.karmada.io/not-ready")], None),
        ([taint("cluster.karmada.io/not-ready")], [Toleration(operator="Exists")], None),
    ],
)
def test_when_a_copy_has_to_leave(
    taints: list[Taint], tolerations: list[Toleration], expected: datetime | None
) -> None:
    assert leaves_at(taints, tolerations, by_default=DEFAULTS) == expected


@pytest.mark.parametrize(
    ("total", "failing", "expected"),
    [(3, 1, False), (3, 2, True), (1, 1, False), (10, 5, False), (10, 6, True)],
)
def test_when_the_observer_is_suspected(total: int, failing: int, expected: bool) -> None:
    clusters = [
        Cluster.model_validate({"metadata": {"name": f"c{number}"}, "spec": {"syncMode": "Push"}})
        for number in range(total)
    ]
    names = [cluster.name for cluster in clusters[:failing]]
    assert is_outage(clusters, failing=names, share=0.5) is expected


def web(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


@pytest.mark.parametrize(
    ("template", "replicas", "expected"),
    [
        (web(), 2, True),
        (web(), 1, False),
        (web(), None, False),
        (web(strategy={"type": "Recreate"}), 2, False),
        (web(template={"spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}}), 2, False),
        (web(template={"spec": {"volumes": [{"configMap": {"name": "c"}}]}}), 2, True),
        ({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {}}, 3, False),
        ({"apiVersion": "batch/v1", "kind": "Job", "spec": {}}, 3, False),
    ],
)
def test_what_moves_freely(template: dict[str, Any], replicas: int | None, expected: bool) -> None:
    assert moves_freely(template, replicas=replicas) is expected
