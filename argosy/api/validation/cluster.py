"""Problems of member clusters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

from argosy.api.cluster import Cluster, ClusterSpec, ResourceModel, SecretReference
from argosy.api.formats import is_dns_label, is_label_value
from argosy.api.meta import Taint
from argosy.api.quantity import Quantity
from argosy.api.validation.problem import Problem

LONGEST_CLUSTER_NAME = 48
_LONGEST_ID = 128_000
_TAINT_EFFECTS = ("NoSchedule", "NoExecute")
_PROXY_SCHEMES = ("http", "https", "socks5")
_INFINITE = Quantity(2**63 - 1)


def cluster_problems(cluster: Cluster) -> Iterator[Problem]:
    if not is_dns_label(cluster.name) or len(cluster.name) > LONGEST_CLUSTER_NAME:
        yield Problem(
            path="metadata.name",
            message=f"is {cluster.name[:80]!r}",
            remedy=f"use at most {LONGEST_CLUSTER_NAME} lower-case letters, digits and inner hyphens",
        )
    spec = cluster.spec
    yield from _connection_problems(spec)
    yield from _location_problems(spec)
    yield from _taint_problems(spec.taints)
    yield from _model_problems(spec.resource_models)


def _connection_problems(spec: ClusterSpec) -> Iterator[Problem]:
    if len(spec.id) > _LONGEST_ID:
        yield Problem(
            path="spec.id", message="is too long", remedy="use the UID of the kube-system namespace"
        )
    if spec.sync_mode is None:
        yield Problem(path="spec.syncMode", message="is missing", remedy="write Push")
    if spec.api_endpoint and not _is_plain_address(spec.api_endpoint):
        yield Problem(
            path="spec.apiEndpoint",
            message="is no plain address",
            remedy="write one such as https://10.0.0.1:6443, without user, query and fragment",
        )
    if spec.proxy_url and _scheme(spec.proxy_url) not in _PROXY_SCHEMES:
        yield Problem(
            path="spec.proxyURL", message="has another scheme", remedy=f"write {', '.join(_PROXY_SCHEMES)}"
        )
    references = {"secretRef": spec.secret_ref, "impersonatorSecretRef": spec.impersonator_secret_ref}
    for name, reference in references.items():
        yield from _reference_problems(reference, f"spec.{name}")


def _is_plain_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        return False


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:
        return ""


def _reference_problems(reference: SecretReference | None, path: str) -> Iterator[Problem]:
    if reference is not None and not (reference.namespace and reference.name):
        yield Problem(path=path, message="names no Secret", remedy="give its namespace and name")


def _location_problems(spec: ClusterSpec) -> Iterator[Problem]:
    places = {"provider": spec.provider, "region": spec.region, "zone": spec.zone}
    places |= {f"zones[{index}]": zone for index, zone in enumerate(spec.zones)}
    for name, value in places.items():
        if not is_label_value(value):
            yield Problem(
                path=f"spec.{name}",
                message=f"is {value[:80]!r}, which is no label value",
                remedy="use at most 63 letters, digits, hyphens, underscores and dots",
            )
    if spec.zone and spec.zones:
        yield Problem(path="spec.zone", message="stands beside spec.zones", remedy="keep spec.zones")


def _taint_problems(taints: tuple[Taint, ...]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        path = f"spec.taints[{index}]"
        if taint.effect not in _TAINT_EFFECTS:
            yield Problem(
                path=f"{path}.effect", message=f"is {taint.effect}", remedy="write NoSchedule or NoExecute"
            )
        if (taint.key, taint.effect) in seen:
            yield Problem(path=path, message=f"repeats {taint.key}:{taint.effect}", remedy="keep one of them")
        seen.add((taint.key, taint.effect))


def _model_problems(models: tuple[ResourceModel, ...]) -> Iterator[Problem]:
    path = "spec.resourceModels"
    ordered = sorted(models, key=lambda model: model.grade)
    if not ordered:
        return
    if len({model.grade for model in ordered}) < len(ordered):
        yield Problem(path=path, message="has a grade twice", remedy="give every model its own grade")
    if len({tuple(one.name for one in model.ranges) for model in ordered}) > 1:
        yield Problem(
            path=path,
            message="has grades of different resources",
            remedy="list the same resources in the same order in every grade",
        )
        return
    for model in ordered:
        for one in model.ranges:
            if not one.min < one.max:
                yield Problem(
                    path=path,
                    message=f"has an empty range for {one.name} in grade {model.grade}",
                    remedy="write a max above the min",
                )
    for lower, upper in pairwise(ordered):
        for below, above in zip(lower.ranges, upper.ranges, strict=True):
            if below.max != above.min:
                yield Problem(
                    path=path,
                    message=f"has a gap for {below.name} between grades {lower.grade} and {upper.grade}",
                    remedy="begin each range where the one before ends",
                )
    if any(one.min != Quantity(0) for one in ordered[0].ranges):
        yield Problem(path=path, message="does not begin at 0", remedy="set the first min to 0")
    if any(one.max != _INFINITE for one in ordered[-1].ranges):
        yield Problem(
            path=path, message="does not end at the largest value", remedy=f"set the last max to {_INFINITE}"
        )
