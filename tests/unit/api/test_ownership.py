from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.formats import is_label_key, is_label_value
from argosy.api.ownership import Ownership, owner_of, stamp

WORKFLOW = "propagation/default/Deployment.apps/web"
OWNERSHIP = Ownership(propagation=WORKFLOW, revision=3, pass_number=7, instance="i1")


def _manifest(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **metadata}}


def test_the_stamp_is_complete_and_the_template_untouched() -> None:
    template = _manifest(labels={"app": "web"})
    before = copy.deepcopy(template)

    metadata = stamp(template, OWNERSHIP)["metadata"]

    assert template == before
    assert metadata["labels"] == {
        "app": "web",
        "argosy.dev/managed": "true",
        "argosy.dev/owner": hashlib.sha256(WORKFLOW.encode()).hexdigest()[:40],
    }
    assert metadata["annotations"] == {
        "argosy.dev/propagation": WORKFLOW,
        "argosy.dev/revision": "3",
        "argosy.dev/pass": "7",
        "argosy.dev/instance": "i1",
    }
    assert all(is_label_key(key) and is_label_value(value) for key, value in metadata["labels"].items())


def test_a_stamp_of_before_is_replaced() -> None:
    later = OWNERSHIP.model_copy(update={"revision": 4, "instance": "i2"})

    assert owner_of(stamp(stamp(_manifest(), OWNERSHIP), later)["metadata"]) == later


@given(st.text(min_size=1), st.integers(0, 10**9), st.integers(0, 10**9), st.text())
def test_what_is_stamped_is_read_back(
    propagation: str, revision: int, pass_number: int, instance: str
) -> None:
    ownership = Ownership(
        propagation=propagation, revision=revision, pass_number=pass_number, instance=instance
    )

    assert owner_of(stamp(_manifest(labels=None), ownership)["metadata"]) == ownership


@pytest.mark.parametrize(
    ("labels", "annotations"),
    [
        (None, None),
        ({"argosy.dev/managed": "false"}, {"argosy.dev/propagation": "p"}),
        ({"argosy.dev/managed": "true"}, {}),
    ],
)
def test_what_carries_no_stamp_has_no_owner(labels: Any, annotations: Any) -> None:
    assert owner_of({"labels": labels, "annotations": annotations}) is None


@pytest.mark.parametrize("damaged", ["", "x", "-1", "\u00b2", "9" * 5000])
def test_a_damaged_count_is_older_than_any_other(damaged: str) -> None:
    metadata = stamp(_manifest(), OWNERSHIP)["metadata"]
    metadata["annotations"] |= {"argosy.dev/revision": damaged, "argosy.dev/pass": damaged}

    assert owner_of(metadata) == OWNERSHIP.model_copy(update={"revision": 0, "pass_number": 0})
