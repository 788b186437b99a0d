from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from argosy.api.alerting import (
    LONGEST_MATCHED,
    Alert,
    AlertGroup,
    AlertRules,
    Decision,
    decide,
    parse_rules,
    request_id,
    request_of,
)
from argosy.api.steering import SteerAction
from argosy.errors import InvalidInput

HEAD = "apiVersion: argosy.dev/v1alpha1\nkind: AlertRules\nrules:\n"
DOWN = "- {name: down, match: {alertname: Down}, clusterLabel: cluster, action: failover, now: true, "
RULES = parse_rules(
    HEAD
    + DOWN
    + "onResolved: recover}\n"
    + "- {name: prod, matchRegex: {cluster: 'prod-.*', team: ''}, cluster: paris, action: hold}\n"
    + "- {name: any, matchRegex: {cluster: '.+'}, clusterLabel: cluster, action: resume}\n",
    source="rules.yaml",
)


def alert(status: str = "firing", *, summary: str = "", **labels: str) -> Alert:
    return Alert.model_validate(
        {
            "status": status,
            "labels": labels,
            "annotations": {"summary": summary} if summary else {},
            "startsAt": "2026-11-24T10:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "a1",
            "generatorURL": "http://prometheus.example.com",
        }
    )  # fmt: skip - one field a line


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            alert(alertname="Down", cluster="oslo"),
            Decision("down", "oslo", SteerAction.FAILOVER, now=True),
        ),
        (alert("resolved", alertname="Down", cluster="oslo"), Decision("down", "oslo", SteerAction.RECOVER)),
        (alert(alertname="Down"), Decision("down", "", SteerAction.FAILOVER, now=True)),
        (alert(cluster="prod-1"), Decision("prod", "paris", SteerAction.HOLD)),
        (alert("resolved", cluster="prod-1"), Decision("prod", "paris", None)),
        # The empty expression matches the label that is not there, and no other.
        (alert(cluster="prod-1", team="a"), Decision("any", "prod-1", SteerAction.RESUME)),
        (alert(cluster="not-prod-1"), Decision("any", "not-prod-1", SteerAction.RESUME)),
        (alert(other="Down"), Decision()),
    ],
)
def test_the_first_rule_that_matches_decides(given: Alert, expected: Decision) -> None:
    assert decide(RULES, given) == expected


@pytest.mark.parametrize(
    ("cluster", "names"),
    [("paris", True), ("", False), ("../x", False), ("a" * 49, False), ("A", False), ("a\n", False)],
)
def test_only_what_can_be_a_cluster_names_one(cluster: str, names: bool) -> None:
    assert Decision(cluster=cluster).names_a_cluster is names


LABELS = st.dictionaries(st.sampled_from(("a", "b", "c")), st.text("xyz", max_size=2))


@given(labels=LABELS, wanted=LABELS.filter(bool), more=LABELS)
def test_a_rule_matches_whatever_else_an_alert_has(
    labels: dict[str, str], wanted: dict[str, str], more: dict[str, str]
) -> None:
    rules = AlertRules.model_validate(
        {
            "apiVersion": "argosy.dev/v1alpha1",
            "kind": "AlertRules",
            "rules": [{"name": "r", "match": wanted, "cluster": "paris", "action": "hold"}],
        }
    )  # fmt: skip - one field a line
    matches = decide(rules, alert(**labels)).rule is not None
    assert matches == all(labels.get(name, "") == value for name, value in wanted.items())
    # Where the named labels agree, nothing else counts.
    assert decide(rules, alert(**{**more, **wanted})).rule == "r"


@given(value=st.text(max_size=20))
def test_a_regular_expression_matches_the_whole_label(value: str) -> None:
    rule = RULES.rules[0].model_copy(update={"match": {}, "match_regex": {"x": re.escape(value)}})
    assert rule.is_about({"x": value})
    assert not rule.is_about({"x": value + "x"})
    assert not rule.is_about({"x": "x" + value})


def test_no_expression_is_tried_on_a_label_without_end() -> None:
    rule = RULES.rules[2]
    assert rule.is_about({"cluster": "x" * LONGEST_MATCHED})
    assert not rule.is_about({"cluster": "x" * (LONGEST_MATCHED + 1)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            HEAD + "- {name: a, match: {x: one}, cluster: paris, action: evict}\n",
            "r.yaml: rules[0].action is \"evict\"; write 'failover', 'hold', 'resume' or 'recover'.",
        ),
        (
            HEAD + DOWN + "onresolved: recover}",
            "r.yaml: rules[0].onresolved is not a field; did you mean onResolved?",
        ),
        (HEAD + DOWN + "onResolved: hold}", "rules[0].onResolved is \"hold\"; write 'recover' or 'resume'"),
        (
            HEAD + "- {name: a, cluster: paris, action: hold}",
            "rules[0]: it is about every alert; add match or matchRegex.",
        ),
        (
            HEAD + "- {name: a, match: {x: one}, action: hold}",
            "rules[0]: it says no single cluster; write either cluster or clusterLabel.",
        ),
        (
            HEAD + "- {name: a, match: {x: one}, cluster: a, clusterLabel: b, action: hold}",
            "rules[0]: it says no single cluster; write either cluster or clusterLabel.",
        ),
        (
            HEAD + "- {name: a, match: {x: one}, cluster: Paris, action: hold}",
            'rules[0]: "Paris" cannot be the name of a cluster; correct cluster.',
        ),
        (
            HEAD + "- {name: a, match: {x: one}, cluster: paris, action: hold, now: true}",
            "rules[0]: now is for a failover, not for hold; remove it.",
        ),
        (
            HEAD + "- {name: a, matchRegex: {x: '('}, cluster: paris, action: hold}",
            "rules[0]: matchRegex.x is no regular expression (missing ), unterminated subpattern); correct it.",
        ),
        (
            HEAD + "- {name: a, match: {x: yes}, cluster: paris, action: hold}",
            "rules[0].match.x should be text, not true; quote it.",
        ),
        (HEAD + DOWN + "}\n" + DOWN + "}", 'two rules are called "down"; rename one.'),
        (HEAD + "  []", "there are no rules; add one."),
        (
            HEAD.replace("v1alpha1", "v1") + DOWN + "}",
            "apiVersion is \"argosy.dev/v1\"; write 'argosy.dev/v1alpha1'",
        ),
        ("- a", "r.yaml is not one document; write one of kind AlertRules."),
        ("", "r.yaml is not one document; write one of kind AlertRules."),
        (f"{HEAD}{DOWN}}}\n---\n{HEAD}{DOWN}}}", "r.yaml is not one document"),
        ("a: [", "r.yaml, line 2: it is not YAML"),
    ],
)
def test_bad_rules_are_named_with_their_place_and_the_remedy(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_rules(text, source="r.yaml")
    assert message in str(refused.value)


def test_the_example_is_valid() -> None:
    text = (Path(__file__).parents[3] / "examples/alerting/rules.yaml").read_text(encoding="utf-8")
    rules = parse_rules(text, source="rules.yaml")
    down = alert(alertname="KubeAPIDown", severity="critical", cluster="paris")
    assert decide(rules, down) == Decision("api-down", "paris", SteerAction.FAILOVER)


# -- what is asked of a cluster ----------------------------------------------------------------------------


def test_a_request_says_why_in_one_line() -> None:
    told = alert(alertname="Down", cluster="oslo", summary="the API of oslo\n does not answer")
    request = request_of(told, decide(RULES, told))
    assert request.reason == "Down: the API of oslo does not answer"
    assert request.requested_by == "alertmanager"
    assert request.now
    assert len(request_of(alert(summary="x" * 9000), Decision()).reason) == 500
    assert request_of(alert(), Decision()).reason == "alert: firing"


CHANGES: list[dict[str, Any]] = [
    {"fingerprint": "a2"},
    {"status": "resolved"},
    {"starts_at": alert().starts_at.replace(second=1)},
]


def test_the_same_alert_is_the_same_request_whatever_else_it_says() -> None:
    first = request_id(alert(summary="before", a="b"), SteerAction.FAILOVER)
    # Written down: what clusters remember has to fit after an upgrade too.
    assert first == "alert-aeed8e2f0cb26ec39ab619d05e5825b6"
    assert request_id(alert(summary="after"), SteerAction.FAILOVER) == first
    zone = Alert.model_validate(
        {"status": "firing", "startsAt": "2026-11-24T11:00:00.123456+01:00", "fingerprint": "a1"}
    )
    assert request_id(zone, SteerAction.FAILOVER) == first


@pytest.mark.parametrize("change", CHANGES)
def test_another_alert_is_another_request(change: dict[str, Any]) -> None:
    assert request_id(alert().model_copy(update=change), SteerAction.FAILOVER) != request_id(
        alert(), SteerAction.FAILOVER
    )
    assert request_id(alert(), SteerAction.HOLD) != request_id(alert(), SteerAction.FAILOVER)


@pytest.mark.parametrize(
    "payload",
    [
        {"version": "3", "alerts": []},
        {"alerts": []},
        {"version": "4", "alerts": [{"status": "firing", "fingerprint": "a"}]},
        {
            "version": "4",
            "alerts": [{"status": "odd", "fingerprint": "a", "startsAt": "2026-11-24T10:00:00Z"}],
        },
        {
            "version": "4",
            "alerts": [{"status": "firing", "fingerprint": "", "startsAt": "2026-11-24T10:00:00Z"}],
        },
        {
            "version": "4",
            "alerts": [{"status": "firing", "fingerprint": "a", "startsAt": "2026-11-24T10:00:00"}],
        },
    ],
)
def test_what_is_no_notification_of_version_4_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AlertGroup.model_validate(payload)
