"""Alerts and the rules that turn them into steering of clusters: all of it pure.

The alerts are those of Alertmanager's webhook, payload version 4. The first rule that matches an alert decides;
a rule names the cluster itself, or the label that does, and nothing is computed from text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from argosy.api.base import Bool, Model
from argosy.api.membership import NAME_PATTERN
from argosy.api.messages import Steer
from argosy.api.parsing import read_model
from argosy.api.steering import SteerAction

LONGEST_MATCHED = 1024
"""Characters of a label that a regular expression is tried on; a longer one does not match."""
LONGEST_REASON = 500
REQUESTED_BY = "alertmanager"


# -- rules ----------------------------------------------------------------------------------------------


class AlertRule(Model):
    """One rule: which alerts it is about, which cluster they mean, and what is to happen.

    Attributes:
        name: shows in answers and logs; no two rules share one.
        action: what is done with the cluster.
        match: labels that an alert has exactly; an empty value is also that of a label which is not there.
        match_regex: regular expressions that labels match as a whole.
        cluster: the name of the cluster.
        cluster_label: the label whose value is the name of the cluster; exactly one of both is set.
        now: without the time that workloads are otherwise given; of a failover only.
        on_resolved: what happens when the alert is over; nothing by default.
    """

    name: str = Field(min_length=1)
    match: dict[str, str] = Field(default_factory=dict)
    match_regex: dict[str, str] = Field(default_factory=dict)
    cluster: str = ""
    cluster_label: str = ""
    action: Literal["failover", "hold", "resume", "recover"]
    now: Bool = False
    on_resolved: Literal["recover", "resume"] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> AlertRule:
        if not self.match and not self.match_regex:
            raise ValueError("it is about every alert; add match or matchRegex")
        if bool(self.cluster) == bool(self.cluster_label):
            raise ValueError("it says no single cluster; write either cluster or clusterLabel")
        if self.cluster and not re.fullmatch(NAME_PATTERN, self.cluster):
            raise ValueError(f'"{self.cluster}" cannot be the name of a cluster; correct cluster')
        if self.now and self.action != "failover":
            raise ValueError(f"now is for a failover, not for {self.action}; remove it")
        for label, pattern in self.match_regex.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"matchRegex.{label} is no regular expression ({error.msg}); correct it"
                ) from None
        return self

    def is_about(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is meant."""
        return all(labels.get(name, "") == value for name, value in self.match.items()) and all(
            _matches(pattern, labels.get(name, "")) for name, pattern in self.match_regex.items()
        )


class AlertRules(Model):
    """The rules of `argosy serve --alerts`, in their order; the first that matches an alert decides.

    Attributes:
        rules: at least one.
    """

    api_version: Literal["argosy.dev/v1alpha1"]
    kind: Literal["AlertRules"]
    rules: tuple[AlertRule, ...]

    @model_validator(mode="after")
    def _named_apart(self) -> AlertRules:
        if not self.rules:
            raise ValueError("there are no rules; add one")
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f'two rules are called "{rule.name}"; rename one')
            seen.add(rule.name)
        return self


def _matches(pattern: str, value: str) -> bool:
    return len(value) <= LONGEST_MATCHED and re.fullmatch(pattern, value) is not None


def parse_rules(text: str, *, source: str) -> AlertRules:
    """The rules in `text`, which `source` names in messages.

    Raises:
        InvalidInput: it is not one document with rules; names the place and the remedy.
    """
    return read_model(text, AlertRules, source=source)


# -- alerts ---------------------------------------------------------------------------------------------


class Received(BaseModel):
    """Base of what another program sends: read by its names, and unknown fields do not matter."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class Alert(Received):
    """One alert.

    Attributes:
        fingerprint: what tells it from alerts with other labels.
        starts_at: since when it fires; with the fingerprint it tells one time from the next.
    """

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime
    fingerprint: Annotated[str, Field(min_length=1, max_length=128)]


class AlertGroup(Received):
    """One notification: Alertmanager sends every alert of a group whenever one of them changes.

    Attributes:
        truncated_alerts: how many it left out because of its `max_alerts`.
    """

    version: Literal["4"]
    group_key: str = ""
    alerts: tuple[Alert, ...] = ()
    truncated_alerts: int = 0


# -- deciding -------------------------------------------------------------------------------------------


class Result(StrEnum):
    """What became of one alert."""

    SIGNALLED = "signalled"
    DRY_RUN = "dry run"
    NO_RULE = "no rule"
    NOTHING_TO_DO = "nothing to do"
    KNOWN_ALREADY = "known already"
    NO_SUCH_CLUSTER = "no such cluster"
    RATE_LIMITED = "rate limited"
    NOT_DELIVERED = "not delivered"


@dataclass(frozen=True)
class Decision:
    """What an alert asks for.

    Attributes:
        rule: the name of the rule that decided; None where none matches.
        cluster: empty where no rule matches, or where the alert lacks the label that names it.
        action: None where nothing is to happen.
    """

    rule: str | None = None
    cluster: str = ""
    action: SteerAction | None = None
    now: bool = False

    @property
    def names_a_cluster(self) -> bool:
        """Whether `cluster` can be the name of one at all."""
        return re.fullmatch(NAME_PATTERN, self.cluster) is not None


def decide(rules: AlertRules, alert: Alert) -> Decision:
    """What `alert` asks for, by the first rule that matches it."""
    rule = next((rule for rule in rules.rules if rule.is_about(alert.labels)), None)
    if rule is None:
        return Decision()
    cluster = rule.cluster or alert.labels.get(rule.cluster_label, "")
    if alert.status == "firing":
        return Decision(rule.name, cluster, SteerAction(rule.action), now=rule.now)
    return Decision(rule.name, cluster, SteerAction(rule.on_resolved) if rule.on_resolved else None)


def request_of(alert: Alert, decision: Decision) -> Steer:
    """The message to the cluster; its request ID is the same however often the alert is sent."""
    summary = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    reason = f"{alert.labels.get('alertname') or 'alert'}: {summary or alert.status}"
    return Steer(
        request_id=request_id(alert, decision.action),
        requested_by=REQUESTED_BY,
        # One line, because it is shown in tables and logs.
        reason=" ".join(reason.split())[:LONGEST_REASON],
        now=decision.now,
    )


def request_id(alert: Alert, action: SteerAction | None) -> str:
    """What this action because of this alert is known by."""
    started = alert.starts_at.astimezone(UTC).isoformat()
    identity = "\n".join((alert.fingerprint, started, alert.status, action or ""))
    return f"alert-{sha256(identity.encode()).hexdigest()[:32]}"
