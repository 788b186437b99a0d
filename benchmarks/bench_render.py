"""How long rendering takes: a template of 20 KB for a thousand clusters under five override rules, on one core, with
the difference and the digest that a plan records for each.

python -m benchmarks.bench_render [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from activities.render import rendered_targets
from argosy.api.cluster import Cluster
from argosy.api.manifest import canonical_json
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy
from argosy.overrides.render import render
from argosy.scheduling.request import Target
from benchmarks.bench_scheduler import row, timed

CLUSTERS = 1_000
BYTES = 20_000
GOAL = 2_000.0  # milliseconds, for all of them


def template() -> dict[str, Any]:
    """A Deployment with many variables, of about 20 KB."""
    variables = [
        {"name": f"SETTING_{number}", "value": f"value of setting {number} " * 3} for number in range(215)
    ]
    containers = [
        {"name": "web", "image": "docker.io/example/web:1.0", "args": ["--port=80"], "env": variables},
        {"name": "proxy", "image": "docker.io/example/proxy:2.1"},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}},
        },
    }


def clusters() -> dict[str, Cluster]:
    """Clusters in ten regions."""
    made: Iterator[dict[str, Any]] = (
        {
            "metadata": {"name": f"cluster-{number:04}", "labels": {"tier": ("gold", "silver")[number % 2]}},
            "spec": {"syncMode": "Push", "region": f"region-{number % 10}"},
        }
        for number in range(CLUSTERS)
    )  # fmt: skip - one line a part
    return {one["metadata"]["name"]: Cluster.model_validate(one) for one in made}


def policies() -> list[AnyOverridePolicy]:
    """Five rules; what each cluster gets differs from its neighbours'."""
    rules = [
        {
            "overriders": {
                "imageOverrider": [{"component": "Registry", "operator": "replace", "value": "r.example"}]
            }
        },
        {
            "targetCluster": {"labelSelector": {"matchLabels": {"tier": "gold"}}},
            "overriders": {
                "argsOverrider": [{"containerName": "web", "operator": "add", "value": ["--gold"]}]
            },
        },
        {"overriders": {"labelsOverrider": [{"operator": "add", "value": {"managed": "yes"}}]}},
        {
            "targetCluster": {
                "fieldSelector": {
                    "matchExpressions": [
                        {"key": "region", "operator": "In", "values": ["region-1", "region-2"]}
                    ]
                }
            },
            "overriders": {"annotationsOverrider": [{"operator": "add", "value": {"near": "yes"}}]},
        },
        {
            "overriders": {
                "plaintext": [
                    {"path": "/spec/template/spec/priorityClassName", "operator": "add", "value": "p"}
                ]
            }
        },
    ]
    spec = {"resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment"}], "overrideRules": rules}
    return [ClusterOverridePolicy.model_validate({"metadata": {"name": "all"}, "spec": spec})]


def measure() -> list[dict[str, Any]]:
    """A row for each figure."""
    manifest, fleet, rules = template(), clusters(), policies()
    size = len(canonical_json(manifest))
    assert abs(size - BYTES) < BYTES / 20, size
    shares = [Target(name=name, replicas=2) for name in fleet]
    targets = rendered_targets(manifest, shares, fleet, rules)
    assert len(targets) == CLUSTERS
    assert all(target.patches and not target.error for target in targets)
    every = timed(partial(rendered_targets, manifest, shares, fleet, rules))
    unlike = [Target(name=name, replicas=number) for number, name in enumerate(fleet, start=3)]
    each = timed(partial(rendered_targets, manifest, unlike, fleet, rules))
    one = timed(partial(render, manifest, next(iter(fleet.values())), rules))
    return [
        row(f"{CLUSTERS} clusters, with difference and digest", every, goal=GOAL, unit="ms", scale=1e3),
        row(f"{CLUSTERS} clusters, no two alike", each, goal=GOAL, unit="ms", scale=1e3),
        row("one cluster, the manifest alone", one, goal=GOAL / CLUSTERS, unit="ms", scale=1e3),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()
    rows = measure()
    for found in rows:
        print(
            f"{found['what']:46}  best {found['best']:8.2f}  median {found['median']:8.2f}  "
            f"goal {found['goal']:6.0f} {found['unit']}  {found['ratio']:5.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
