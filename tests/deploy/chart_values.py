"""Values of the chart as people set them: the least that works, all there is, and what the documentation shows."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.deploy.conftest import ROOT

MINIMAL: dict[str, Any] = {
    "image": {"repository": "registry.example.com/argosy"},
    "temporal": {"address": "temporal-frontend.temporal.svc:7233"},
    "encryption": {"existingSecret": "argosy-encryption"},
    "serve": {"enabled": False},
}
EVERYTHING: dict[str, Any] = {
    **MINIMAL,
    "image": {
        "repository": "registry.example.com/argosy",
        "digest": f"sha256:{'0' * 64}",
        "pullSecrets": ["registry"],
    },
    "temporal": {
        "address": "temporal.example.com:7233",
        "apiKey": {"existingSecret": "temporal-key"},
        "tls": {
            "enabled": True,
            "serverName": "temporal.example.com",
            "ca": {"existingSecret": "temporal-ca"},
            "client": {"existingSecret": "temporal-client"},
        },
    },
    "kubeconfigs": {"existingSecret": "members"},
    "access": {"rules": (ROOT / "deploy" / "rbac" / "access.yaml").read_text(encoding="utf-8")},
    "tracing": {"endpoint": "http://collector.observability:4318"},
    "metrics": {
        "podAnnotations": True,
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "extraEnv": [{"name": "OTEL_TRACES_SAMPLER", "value": "parentbased_always_on"}],
    "settings": {"ARGOSY_TASK_QUEUE": "blue", "ARGOSY_FAILOVER_AFTER": "10"},
    "worker": {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "control", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "arch", "operator": "Exists"}]}]
                }
            }
        },
    },
    "serve": {
        "rules": (ROOT / "deploy" / "alerts.yaml").read_text(encoding="utf-8"),
        "alertToken": {"existingSecret": "alert"},
        "codecToken": {"existingSecret": "codec"},
        "uiOrigins": ["https://temporal.example.com", "https://other.example.com"],
        "tls": {"existingSecret": "serving"},
    },
    "serviceAccount": {"annotations": {"example.com/role": "argosy"}},
    "rbac": {
        "memberRules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]}]
    },
    "networkPolicy": {
        "serveClients": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "metricsClients": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
    },
}  # fmt: skip - one value a line where it matters
(DOCUMENTED,) = re.findall(
    r"```yaml\n(# values\.yaml\n.*?)```",
    (ROOT / "docs" / "installation.md").read_text(encoding="utf-8"),
    re.DOTALL,
)
SETUPS = {"minimal": MINIMAL, "everything": EVERYTHING, "documented": yaml.safe_load(DOCUMENTED)}
