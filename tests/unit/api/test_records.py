"""Records that are written many times over are written briefly, and read as before."""

from __future__ import annotations

import json

from activities.contracts import Applied, ApplyRequest
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.replacing import Replacing

REQUEST = ApplyRequest(workflow_id="propagation/a", run_id="r", cluster="c", revision=0, pass_number=0)


def test_what_is_as_by_default_is_left_out() -> None:
    written = json.loads(REQUEST.model_dump_json())
    assert written == {
        "workflow_id": "propagation/a",
        "run_id": "r",
        "cluster": "c",
        "revision": 0,
        "pass_number": 0,
    }


def test_the_rest_is_read_as_it_was_written() -> None:
    full = REQUEST.model_copy(
        update={"replicas": 0, "patches": ({"op": "remove", "path": "/a"},), "replacing": Replacing.ALLOWED}
    )
    applied = Applied(uid="u", digest="d", assessment=Assessment(health=ObjectHealth.UNKNOWN, ready=0))
    assert ApplyRequest.model_validate_json(full.model_dump_json()) == full
    assert Applied.model_validate_json(applied.model_dump_json()) == applied


def test_what_earlier_releases_have_written_is_read() -> None:
    assert ApplyRequest.model_validate({**REQUEST.model_dump(), "patches": [], "expect_uid": ""}) == REQUEST
