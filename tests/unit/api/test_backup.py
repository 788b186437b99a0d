"""Settings and templates survive being written down; what was edited into nonsense is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from argosy.api.backup import Origin, cluster_document, settings_of, taken_apart, template_document
from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
from argosy.api.documents import read_text
from argosy.api.membership import ClusterSettings, SyncMode
from argosy.api.meta import Taint
from argosy.api.parsing import Document
from argosy.api.plan import Plan, PlannedTarget, PolicyRef
from argosy.api.yaml_writer import written
from argosy.errors import InvalidInput

TEMPLATE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "annotations": {"note": "mine"}},
    "spec": {"replicas": 2},
}
PLAN = Plan(
    policy=PolicyRef(namespace="shop", name="all", uid="old"),
    targets=(
        PlannedTarget(cluster="paris", replicas=2, digest="d"),
        PlannedTarget(cluster="oregon", error="bad override"),
    ),
    placement="{}",
    scheduled_at=datetime(2026, 11, 24, tzinfo=UTC),
    affinity="near",
    required_by=("propagation/shop/Deployment.apps/other",),
    digest="d",
)
ORIGIN = Origin(
    instance="there",
    revision=7,
    submitted_by="ann@host",
    submitted_at=datetime(2026, 11, 24, tzinfo=UTC),
    placement=PLAN,
)


def read(manifest: dict[str, Any]) -> Document:
    (document,) = read_text(written([manifest]), source="backup")
    return document


@pytest.mark.parametrize(
    "settings",
    [
        ClusterSettings(connection=ConnectionReference(kubeconfig="/etc/kube")),
        ClusterSettings(
            connection=ConnectionReference(kubeconfig="/etc/kube", context="paris"),
            labels={"tier": "1"},
            region="eu",
            zones=("a", "b"),
            provider="acme",
            taints=(
                Taint(key="k", value="v", effect="NoExecute", time_added=datetime(2026, 1, 1, tzinfo=UTC)),
            ),
            hold=True,
        ),
        ClusterSettings(connection=NOT_FROM_HERE, sync_mode=SyncMode.PULL, worker_grace=12.5, region="eu"),
    ],
)
def test_settings_come_back(settings: ClusterSettings) -> None:
    assert settings_of(read(cluster_document("paris", settings))) == settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("argosy.dev/kubeconfig", ""),
        ("argosy.dev/hold", "maybe"),
        ("argosy.dev/worker-grace", "soon"),
        ("argosy.dev/worker-grace", "nan"),
        ("argosy.dev/worker-grace", "1"),
    ],
)
def test_settings_that_mean_nothing_are_refused(key: str, value: str) -> None:
    document = cluster_document("paris", ClusterSettings(connection=ConnectionReference(kubeconfig="/k")))
    document["metadata"]["annotations"][key] = value
    with pytest.raises(InvalidInput, match=key):
        settings_of(read(document))


def test_a_template_comes_back_with_its_origin() -> None:
    manifest, origin = taken_apart(read(template_document(TEMPLATE, ORIGIN)))
    assert manifest == TEMPLATE
    assert origin.model_copy(update={"placement": None}) == ORIGIN.model_copy(update={"placement": None})
    assert origin.placement is not None
    # What is only wanted by workloads is told by them anew; until then it must not look as if nobody wanted it.
    assert origin.placement.required_by == ()
    assert origin.placement.targets == (PlannedTarget(cluster="paris", replicas=2),)
    assert (origin.placement.affinity, origin.placement.placement) == ("near", "{}")


def test_annotations_are_gone_where_there_were_none() -> None:
    bare = {**TEMPLATE, "metadata": {"name": "web", "namespace": "shop"}}
    assert taken_apart(read(template_document(bare, ORIGIN)))[0] == bare


def test_a_template_of_a_user_is_left_alone() -> None:
    assert taken_apart(read(TEMPLATE)) == (TEMPLATE, Origin())


@pytest.mark.parametrize(("mark", "value"), [("revision", "seven"), ("placement", "{"), ("placement", "[]")])
def test_an_origin_that_means_nothing_is_refused(mark: str, value: str) -> None:
    document = template_document(TEMPLATE, ORIGIN)
    document["metadata"]["annotations"][f"export.argosy.dev/{mark}"] = value
    with pytest.raises(InvalidInput, match="export it again"):
        taken_apart(read(document))


def test_a_cluster_in_pull_mode_has_no_kubeconfig() -> None:
    document = cluster_document("paris", ClusterSettings(connection=NOT_FROM_HERE, sync_mode=SyncMode.PULL))
    assert "argosy.dev/kubeconfig" not in document["metadata"]["annotations"]
    document["metadata"]["annotations"]["argosy.dev/kubeconfig"] = "/k"
    with pytest.raises(InvalidInput, match="means nothing in pull mode"):
        settings_of(read(document))
