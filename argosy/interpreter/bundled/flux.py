"""Flux: sources, Kustomizations and Helm releases (`*.toolkit.fluxcd.io`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.bundled.reports import (
    caught_up,
    last,
    merged_conditions,
    reflecting,
    required,
    statuses,
    sums,
    with_status,
)
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Aggregate, Dependencies, Health, Item, Kind, Object
from argosy.interpreter.reading import conditions, entries, holds, reason_of, section, text

_RELEASE = (
    "helmChart",
    "lastAppliedRevision",
    "lastAttemptedRevision",
    "lastAttemptedValuesChecksum",
    "lastReleaseRevision",
)
_FAILURES = ("failures", "upgradeFailures", "installFailures")
_REVISIONS = ("lastAppliedRevision", "lastAttemptedRevision")
# Where in a spec the names of secrets stand.
_RELEASE_SECRETS = (("kubeConfig",), ("chart", "spec", "verify"))
_KUSTOMIZATION_SECRETS = (("kubeConfig",), ("decryption",))


def _says_the_same(known: Object, one: Object) -> bool:
    return all(known.get(name) == one.get(name) for name in ("type", "status", "reason"))


def _aggregating(named: Sequence[str], counters: Sequence[str] = ()) -> Aggregate:
    def aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
        reports = statuses(items)
        found: dict[str, Any] = {**sums(reports, counters), **last(reports, named)}
        merged = merged_conditions(items, same=_says_the_same)
        if merged:
            found["conditions"] = merged
        return with_status(manifest, **found, **caught_up(manifest, items, behaviour))

    return aggregate


def _ready(*reasons: str) -> Health:
    def health(manifest: Object, _: Behaviour) -> Assessment:
        found = conditions(manifest)
        ready = found.get("Ready", {})
        if holds(found, "Ready") and ready.get("reason") in reasons:
            return Assessment(health=ObjectHealth.HEALTHY, message=str(ready.get("message") or "ready"))
        if section(manifest, "spec").get("suspend") is True:
            return Assessment(health=ObjectHealth.PROGRESSING, message="suspended")
        failing = holds(found, "Stalled") or (
            ready.get("status") == "False"
            and ready.get("reason") not in {"Progressing", "DependencyNotReady"}
        )
        return Assessment(
            health=ObjectHealth.DEGRADED if failing else ObjectHealth.PROGRESSING,
            message=reason_of(found.get("Stalled") or ready) or "not reconciled yet",
        )

    return health


def _retain(desired: Object, observed: Object) -> Manifest:
    """Whether it is suspended."""
    suspend = section(observed, "spec").get("suspend")
    if suspend is None:
        return dict(desired)
    return {**desired, "spec": {**section(desired, "spec"), "suspend": suspend}}


def _retains(desired: Object) -> bool:
    return "suspend" in section(desired, "spec")


def _secrets(spec: Object, *places: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("Secret", text(spec, *place, "secretRef", "name")) for place in places]


def _named(manifest: Object, found: Sequence[tuple[str, str]]) -> tuple[Dependency, ...]:
    namespace = text(manifest, "metadata", "namespace")
    return tuple(
        Dependency(api_version="v1", kind=kind, namespace=namespace, name=name)
        for kind, name in dict.fromkeys(found)
        if name
    )


def _source(*places: tuple[str, ...], certificate: bool = False, account: bool = False) -> Dependencies:
    def dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
        spec = required(manifest, "spec")
        found = _secrets(spec, *places)
        if certificate:
            found.append(("Secret", text(spec, "certSecretRef", "name")))
        if account:
            found.append(("ServiceAccount", text(spec, "serviceAccountName")))
        return _named(manifest, found)

    return dependencies


def _release_dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    spec = section(manifest, "spec")
    values = [(text(one, "kind"), text(one, "name")) for one in entries(spec, "valuesFrom")]
    account = ("ServiceAccount", text(spec, "serviceAccountName"))
    return _named(manifest, [*values, *_secrets(spec, *_RELEASE_SECRETS), account])


def _kustomization_dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    spec = section(manifest, "spec")
    account = ("ServiceAccount", text(spec, "serviceAccountName"))
    return _named(manifest, [*_secrets(spec, *_KUSTOMIZATION_SECRETS), account])


def _of(
    api_version: str,
    kind: str,
    *,
    fields: Sequence[str],
    counters: Sequence[str] = (),
    observed: Sequence[str] = ("observedGeneration",),
    **rules: Any,
) -> Kind:
    return Kind(
        api_version=api_version,
        kind=kind,
        retain=_retain,
        retains=_retains,
        aggregate=_aggregating(fields, counters),
        reflect=reflecting(*fields, *counters, *observed, "conditions", generations=True),
        **rules,
    )


_SOURCE, _SOURCE_BETA = "source.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1beta2"
_ARTIFACT = ("artifact", "url")
_IGNORING = (*_ARTIFACT, "observedIgnore")

KINDS = (
    _of(
        "helm.toolkit.fluxcd.io/v2beta1",
        "HelmRelease",
        fields=_RELEASE,
        counters=_FAILURES,
        health=_ready("ReconciliationSucceeded"),
        dependencies=_release_dependencies,
    ),
    _of(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        fields=_REVISIONS,
        health=_ready("ReconciliationSucceeded"),
        dependencies=_kustomization_dependencies,
    ),
    _of(
        _SOURCE,
        "GitRepository",
        fields=("artifact", "observedIgnore", "observedRecurseSubmodules"),
        health=_ready("Succeeded"),
        dependencies=_source((), ("verify",)),
    ),
    _of(
        _SOURCE_BETA,
        "Bucket",
        fields=_IGNORING,
        health=_ready("Succeeded"),
        dependencies=_source(()),
    ),
    _of(
        _SOURCE_BETA,
        "HelmChart",
        fields=(*_ARTIFACT, "observedChartName", "observedSourceArtifactRevision"),
        observed=(),
        health=_ready("Succeeded", "ChartPullSucceeded"),
        dependencies=_source(("verify",)),
    ),
    _of(
        _SOURCE_BETA,
        "HelmRepository",
        fields=_ARTIFACT,
        health=_ready("Succeeded"),
        dependencies=_source(()),
    ),
    _of(
        _SOURCE_BETA,
        "OCIRepository",
        fields=_IGNORING,
        health=_ready("Succeeded"),
        dependencies=_source((), ("verify",), certificate=True, account=True),
    ),
)
