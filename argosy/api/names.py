"""What people call kinds: plurals, singulars and short names, as kubectl understands them."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from argosy.errors import InvalidInput


class KindName(NamedTuple):
    """A kind and its API group; the core group is empty, None stands for a group that was not said."""

    group: str | None
    kind: str


_NAMESPACED = """
ConfigMap configmaps cm
Endpoints endpoints ep
Event events ev
LimitRange limitranges limits
PersistentVolumeClaim persistentvolumeclaims pvc
Pod pods po
PodTemplate podtemplates
ReplicationController replicationcontrollers rc
ResourceQuota resourcequotas quota
Secret secrets
Service services svc
ServiceAccount serviceaccounts sa
ControllerRevision.apps controllerrevisions
DaemonSet.apps daemonsets ds
Deployment.apps deployments deploy
ReplicaSet.apps replicasets rs
StatefulSet.apps statefulsets sts
HorizontalPodAutoscaler.autoscaling horizontalpodautoscalers hpa
CronJob.batch cronjobs cj
Job.batch jobs
Lease.coordination.k8s.io leases
EndpointSlice.discovery.k8s.io endpointslices
Ingress.networking.k8s.io ingresses ing
NetworkPolicy.networking.k8s.io networkpolicies netpol
PodDisruptionBudget.policy poddisruptionbudgets pdb
Role.rbac.authorization.k8s.io roles
RoleBinding.rbac.authorization.k8s.io rolebindings
ServiceExport.multicluster.x-k8s.io serviceexports svcex
ServiceImport.multicluster.x-k8s.io serviceimports svcim
PropagationPolicy.policy.karmada.io propagationpolicies pp
OverridePolicy.policy.karmada.io overridepolicies op
"""
_CLUSTER_WIDE = """
Namespace namespaces ns
Node nodes no
PersistentVolume persistentvolumes pv
CertificateSigningRequest.certificates.k8s.io certificatesigningrequests csr
IngressClass.networking.k8s.io ingressclasses
RuntimeClass.node.k8s.io runtimeclasses
ClusterRole.rbac.authorization.k8s.io clusterroles
ClusterRoleBinding.rbac.authorization.k8s.io clusterrolebindings
PriorityClass.scheduling.k8s.io priorityclasses pc
CSIDriver.storage.k8s.io csidrivers
StorageClass.storage.k8s.io storageclasses sc
VolumeAttachment.storage.k8s.io volumeattachments
CustomResourceDefinition.apiextensions.k8s.io customresourcedefinitions crd crds
APIService.apiregistration.k8s.io apiservices
MutatingWebhookConfiguration.admissionregistration.k8s.io mutatingwebhookconfigurations
ValidatingWebhookConfiguration.admissionregistration.k8s.io validatingwebhookconfigurations
ClusterPropagationPolicy.policy.karmada.io clusterpropagationpolicies cpp
ClusterOverridePolicy.policy.karmada.io clusteroverridepolicies cop
ClusterTaintPolicy.policy.karmada.io clustertaintpolicies ctp
Cluster.cluster.karmada.io clusters
"""
"""One kind a line: KIND.GROUP, its plural, its short names."""


class _Entry(NamedTuple):
    name: KindName
    plural: str
    short: tuple[str, ...]
    namespaced: bool


def _entries(table: str, *, namespaced: bool) -> list[_Entry]:
    entries = []
    for line in table.strip().splitlines():
        full, plural_name, *short = line.split()
        kind, _, group = full.partition(".")
        entries.append(_Entry(KindName(group, kind), plural_name, tuple(short), namespaced))
    return entries


_ENTRIES = (*_entries(_NAMESPACED, namespaced=True), *_entries(_CLUSTER_WIDE, namespaced=False))
_BY_NAME = {
    word: entry for entry in _ENTRIES for word in (entry.name.kind.lower(), entry.plural, *entry.short)
}
_BY_KIND = {entry.name: entry for entry in _ENTRIES}


def parse_kind(text: str) -> KindName:
    """Return the kind that `text` names.

    `deploy`, `deployments`, `Deployment`, `deployments.apps` and `deployments.v1.apps` are one kind. A kind
    that is not built in is written in its exact spelling, with its group or without: `CronTab` has the group
    None, `CronTab.stable.example.com` is complete.

    Raises:
        InvalidInput: no kind has this name; the message proposes the nearest.
    """
    name, _, rest = text.partition(".")
    known = _BY_NAME.get(name.lower())
    if known is not None and rest in ("", known.name.group, *_versioned(known.name.group, rest)):
        return known.name
    if name[:1].isupper() and name.isalnum():
        return KindName(rest or None, name)
    near = difflib.get_close_matches(text.lower(), _BY_NAME, n=1)
    proposal = f"write {near[0]}, or" if near else "write"
    raise InvalidInput(
        f"{text!r} names no known kind; {proposal} a custom one in its exact spelling, such as CronTab."
    )


def spellings(kind: str) -> tuple[str, ...]:
    """How people write a custom kind in lower case: itself, and the plural that its definition most likely has."""
    one = kind.lower()
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return one, f"{one[:-1]}ies"
    return one, f"{one}es" if one.endswith(("s", "x", "z", "ch", "sh")) else f"{one}s"


def _versioned(group: str | None, rest: str) -> tuple[str, ...]:
    """The spelling VERSION.GROUP of `rest`, where it is one for `group`."""
    version, _, after = rest.partition(".")
    return (rest,) if version[:1] == "v" and version[1:2].isdigit() and after == group else ()


def is_namespaced(kind: KindName) -> bool | None:
    """Whether objects of a built-in kind live in namespaces; None for kinds that are not built in."""
    entry = _BY_KIND.get(kind)
    return entry.namespaced if entry is not None else None


def plural(kind: KindName) -> str | None:
    """Return the plural of a built-in kind as it stands in API paths, or None for other kinds."""
    entry = _BY_KIND.get(kind)
    return entry.plural if entry is not None else None
