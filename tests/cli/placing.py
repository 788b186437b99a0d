"""Policies and workloads of placement tests, and what became of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.cli.runs import Run, until
from tests.plant import Plant, deployment

Runner = Callable[..., Run]
DIVIDED = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}
BY_ROOM = {**DIVIDED, "weightPreference": {"dynamicWeight": "AvailableReplicas"}}


def policy(namespace: str, placement: dict[str, Any], **spec: Any) -> dict[str, Any]:
    selector = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": spec.pop("name", "p"), "namespace": namespace},
        "spec": {"resourceSelectors": [selector], "placement": placement, **spec},
    }


def workload(namespace: str, replicas: int, **requests: str) -> dict[str, Any]:
    made = deployment("web", namespace)
    made["spec"]["replicas"] = replicas
    if requests:
        made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests}
    return made


class Fleet:
    """What the clusters hold of one namespace, and what is on record about it."""

    def __init__(self, plant: Plant, run: Runner, namespace: str) -> None:
        self._plant = plant
        self._run = run
        self._namespace = namespace

    def replicas(self) -> dict[str, int]:
        found = self._plant.objects("deployments", self._namespace)
        return {name: items["web"]["spec"]["replicas"] for name, items in found.items() if "web" in items}

    def becomes(self, **replicas: int) -> None:
        try:
            asyncio.run(until(lambda: self.replicas() == replicas))
        except TimeoutError:
            raise AssertionError(f"{self.replicas()}; {self.explained()}") from None

    def explained(self, *words: str) -> dict[str, Any]:
        shown = self._run("explain", "deployment", "web", "-n", self._namespace, "-o", "json", *words)
        assert shown.code == 0, shown.err
        answer: dict[str, Any] = json.loads(shown.out)
        return answer

    def reasons(self, group: int = -1) -> dict[str, str]:
        clusters = self.explained()["plan"]["reasons"][group]["clusters"]
        return {one["cluster"]: one["rejected_by"] or one["reason"] for one in clusters}

    def status(self) -> dict[str, Any]:
        shown = self._run("status", "deployment", "web", "-n", self._namespace, "-o", "json")
        answer: dict[str, Any] = json.loads(shown.out)
        return answer
