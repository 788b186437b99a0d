"""The conditions of a cluster beside its health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from argosy.api.conditions import (
    apis_condition,
    merged,
    moved,
    nodes_condition,
    watching_condition,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("digest", "complete", "status", "reason"),
    [("d", True, "True", "Complete"), ("d", False, "False", "Partial"), ("", True, "False", "Empty")],
)
def test_apis(digest: str, complete: bool, status: str, reason: str) -> None:
    found = apis_condition(digest=digest, complete=complete)
    assert (found.type, found.status, found.reason) == ("CompleteAPIEnablements", status, reason)


@pytest.mark.parametrize(
    ("nodes", "ready", "status", "reason"),
    [
        (None, None, "Unknown", "NodesNotReadable"),
        (3, 2, "True", "NodesReady"),
        (3, 0, "False", "NoNodeReady"),
        (0, 0, "True", "NoNodes"),
    ],
)
def test_nodes(nodes: int | None, ready: int | None, status: str, reason: str) -> None:
    found = nodes_condition(nodes=nodes, ready=ready)
    assert (found.type, found.status, found.reason) == ("NodesReady", status, reason)


def test_since_moves_with_the_status_only_and_others_stay() -> None:
    first = merged((), (nodes_condition(nodes=3, ready=3), watching_condition("True", "A", "m")), at=AT)
    second = merged(first, (nodes_condition(nodes=0, ready=0),), at=LATER)
    assert {one.type: (one.reason, one.since) for one in second} == {
        "NodesReady": ("NoNodes", AT),
        "Watching": ("A", AT),
    }
    third = merged(second, (nodes_condition(nodes=1, ready=0),), at=LATER)
    assert third[0].since == LATER
    assert moved(first, second)
    assert not moved(first, merged(first, (watching_condition("True", "A", "other words"),), at=LATER))
    # What nobody has looked at this time is no news, and what was not known before is.
    assert not moved(first, (watching_condition("True", "A", "other words"),))
    assert moved((), (watching_condition("True", "A", "m"),))
