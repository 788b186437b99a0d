"""What a round is judged by: what users were promised, what propagations have on record, what members hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from argosy.api.ownership import owner_of
from tests.chaos.script import DIVIDED, DUPLICATED, LONE, MEMBERS, SETTINGS

_REPLICAS = {DIVIDED: (6, 3, 9, 7), DUPLICATED: (2, 3), LONE: (1,)}


def replicas_of(kind: str, version: int) -> int | None:
    """How many replicas a version of a template asks for; None for what has none."""
    numbers = _REPLICAS.get(kind)
    return numbers[version % len(numbers)] if numbers else None


def template_of(name: str, kind: str, version: int, namespace: str) -> dict[str, Any]:
    """A version of a template, which shows in its content."""
    metadata = {"name": name, "namespace": namespace, "labels": {"chaos": kind}}
    if kind == SETTINGS:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {"version": str(version)},
        }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas_of(kind, version),
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": f"nginx:{version}"}]},
            },
        },
    }


def policy_of(kind: str, clusters: tuple[str, ...], namespace: str) -> dict[str, Any]:
    """The policy that places one kind of template in these clusters."""
    placement: dict[str, Any] = {"clusterAffinity": {"clusterNames": list(clusters)}}
    if kind in {DIVIDED, LONE}:
        placement["replicaScheduling"] = {
            "replicaSchedulingType": "Divided",
            "replicaDivisionPreference": "Weighted",
        }
    api, name = ("v1", "ConfigMap") if kind == SETTINGS else ("apps/v1", "Deployment")
    selector = {"apiVersion": api, "kind": name, "labelSelector": {"matchLabels": {"chaos": kind}}}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": kind, "namespace": namespace},
        "spec": {"resourceSelectors": [selector], "placement": placement},
    }


@dataclass(frozen=True)
class Copy:
    """An object in a member, as its API server has it.

    Attributes:
        version: which version of its template its content is.
        ready: whether its status says that all of it runs; always so for what has no replicas.
    """

    member: str
    name: str
    namespace: str
    propagation: str
    revision: int
    pass_number: int
    version: int
    replicas: int | None
    ready: bool
    uid: str = ""

    @property
    def key(self) -> str:
        """What it is a copy of."""
        return f"{self.namespace}/{self.name}"

    @classmethod
    def of(cls, member: str, item: Mapping[str, Any]) -> Copy | None:
        """An object of the API, where it carries Argosy's stamp."""
        metadata = item["metadata"]
        owner = owner_of(metadata)
        if owner is None:
            return None
        spec, status = item.get("spec") or {}, item.get("status") or {}
        if "data" in item:
            version, replicas, ready = item["data"]["version"], None, True
        else:
            version = spec["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
            replicas = spec["replicas"]
            current = status.get("observedGeneration") == metadata["generation"]
            ready = current and status.get("availableReplicas", 0) == replicas
        return cls(
            member=member,
            name=metadata["name"],
            namespace=metadata["namespace"],
            propagation=owner.propagation,
            revision=owner.revision,
            pass_number=owner.pass_number,
            version=int(version),
            replicas=replicas,
            ready=ready,
            uid=metadata["uid"],
        )


@dataclass(frozen=True)
class Event:
    """What a watch has seen of one copy.

    Attributes:
        at: seconds after the round's begin.
        type: `there` and `missed` are what a list shows after the watch was broken off.
    """

    at: float
    type: Literal["ADDED", "MODIFIED", "DELETED", "there", "missed"]
    copy: Copy

    @property
    def is_gone(self) -> bool:
        """Whether the copy is not there any more."""
        return self.type in {"DELETED", "missed"}

    def __str__(self) -> str:
        copy = self.copy
        stamp = f"v{copy.version} r{copy.revision}.{copy.pass_number}"
        share = "" if copy.replicas is None else f" x{copy.replicas}{' ready' if copy.ready else ''}"
        return f"{copy.member}: {self.type} {copy.name} {stamp}{share}"


@dataclass(frozen=True)
class Act:
    """What a user did.

    Attributes:
        answered: when it was accepted; None where nobody answered, so that it may or may not have happened.
    """

    sent: float
    do: str
    what: str
    detail: str = ""
    answered: float | None = None

    def __str__(self) -> str:
        done = "without an answer" if self.answered is None else f"answered at {self.answered:.2f}"
        return f"user: {' '.join(part for part in (self.do, self.what, self.detail) if part)}, {done}"


@dataclass(frozen=True)
class Wanted:
    """What users may expect of one template at the end.

    Attributes:
        versions: the one that was accepted last, and those sent after it that nobody answered.
        gone: whether it must not be there any more; None where its deletion was not answered.
        clusters: where its policy allows it.
        away: members that it may stay away from, because they have failed or a person has asked for it.
    """

    kind: str
    versions: frozenset[int]
    gone: bool | None = False
    clusters: frozenset[str] = frozenset(MEMBERS)
    away: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecordedCopy:
    """What a propagation has published of one copy."""

    phase: str
    revision: int
    pass_number: int
    replicas: int | None


@dataclass(frozen=True)
class Recorded:
    """What a propagation has published; `left` are members that it was moved away from and stays away from."""

    phase: str
    message: str = ""
    running: bool = True
    copies: Mapping[str, RecordedCopy] = field(default_factory=dict)
    left: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ending:
    """Everything at one moment after the round.

    Attributes:
        wanted: template -> what is wanted of it.
        records: template -> what its propagation has published, where there is one.
        claims: workflow IDs of all running propagations.
        copies: every object in any member that carries Argosy's label.
        clusters: member -> its phase.
    """

    wanted: Mapping[str, Wanted]
    records: Mapping[str, Recorded]
    claims: Mapping[str, frozenset[str]]
    copies: tuple[Copy, ...]
    clusters: Mapping[str, str]
