"""What people call kinds on the command line: plural, singular, short, and in any case."""

from __future__ import annotations

from argosy.errors import InvalidInput

# (apiVersion, Kind) -> plural, then short names, as `kubectl api-resources` prints them.
_KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("v1", "ConfigMap"): ("configmaps", "cm"),
    ("v1", "Endpoints"): ("endpoints", "ep"),
    ("v1", "LimitRange"): ("limitranges", "limits"),
    ("v1", "Namespace"): ("namespaces", "ns"),
    ("v1", "Node"): ("nodes", "no"),
    ("v1", "PersistentVolumeClaim"): ("persistentvolumeclaims", "pvc"),
    ("v1", "PersistentVolume"): ("persistentvolumes", "pv"),
    ("v1", "Pod"): ("pods", "po"),
    ("v1", "ReplicationController"): ("replicationcontrollers", "rc"),
    ("v1", "ResourceQuota"): ("resourcequotas", "quota"),
    ("v1", "Secret"): ("secrets",),
    ("v1", "ServiceAccount"): ("serviceaccounts", "sa"),
    ("v1", "Service"): ("services", "svc"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): ("customresourcedefinitions", "crd", "crds"),
    ("apps/v1", "DaemonSet"): ("daemonsets", "ds"),
    ("apps/v1", "Deployment"): ("deployments", "deploy"),
    ("apps/v1", "ReplicaSet"): ("replicasets", "rs"),
    ("apps/v1", "StatefulSet"): ("statefulsets", "sts"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): ("horizontalpodautoscalers", "hpa"),
    ("batch/v1", "CronJob"): ("cronjobs", "cj"),
    ("batch/v1", "Job"): ("jobs",),
    ("networking.k8s.io/v1", "Ingress"): ("ingresses", "ing"),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("networkpolicies", "netpol"),
    ("policy/v1", "PodDisruptionBudget"): ("poddisruptionbudgets", "pdb"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("clusterrolebindings",),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles",),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings",),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles",),
    ("scheduling.k8s.io/v1", "PriorityClass"): ("priorityclasses", "pc"),
    ("storage.k8s.io/v1", "StorageClass"): ("storageclasses", "sc"),
    ("policy.karmada.io/v1alpha1", "PropagationPolicy"): ("propagationpolicies", "pp"),
    ("policy.karmada.io/v1alpha1", "ClusterPropagationPolicy"): ("clusterpropagationpolicies", "cpp"),
    ("policy.karmada.io/v1alpha1", "OverridePolicy"): ("overridepolicies", "op"),
    ("policy.karmada.io/v1alpha1", "ClusterOverridePolicy"): ("clusteroverridepolicies", "cop"),
}
_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in (*names, kind[1].lower())}
CLUSTER_SCOPED = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "PriorityClass",
        "StorageClass",
        "IngressClass",
        "RuntimeClass",
        "CSIDriver",
        "APIService",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ClusterPropagationPolicy",
        "ClusterOverridePolicy",
    }
)


def parse_kind(text: str) -> tuple[str | None, str]:
    """The API group and kind that a word means; the group is None where only the user's cluster could tell.

    Raises:
        InvalidInput: the word is neither known nor could be a kind.
    """
    word, dot, group = text.partition(".")
    known = _BY_NAME.get(word.lower())
    if known is not None and (not dot or known[0].startswith(f"{group}/")):
        return known[0].rpartition("/")[0], known[1]
    if word and word[0].isupper() and word.isalnum():
        return (group if dot else None), word
    raise InvalidInput(f"{text!r} is not a kind; write it as in the manifest, such as Deployment or CronTab")
