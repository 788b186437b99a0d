"""ResourceInterpreterCustomization (config.karmada.io/v1alpha1): what the objects of one kind mean, told by Lua."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from argosy.api.base import KubernetesObject, Model
from argosy.api.meta import LabelSelector, ObjectMeta


class Operation(StrEnum):
    """What can be customized, by the field that holds its script."""

    RETAIN = "retention"
    REPLICAS = "replicaResource"
    COMPONENTS = "componentResource"
    REVISE = "replicaRevision"
    REFLECT = "statusReflection"
    AGGREGATE = "statusAggregation"
    HEALTH = "healthInterpretation"
    DEPENDENCIES = "dependencyInterpretation"


class LuaScript(Model):
    """A script that defines the one function its operation calls."""

    lua_script: str = ""


class CustomizationTarget(Model):
    """The one kind in the one version that is customized."""

    api_version: str
    kind: str


class CustomizationRules(Model):
    """The scripts by operation; an operation without one is left to the built-in interpreters."""

    retention: LuaScript | None = None
    replica_resource: LuaScript | None = None
    replica_revision: LuaScript | None = None
    status_reflection: LuaScript | None = None
    status_aggregation: LuaScript | None = None
    health_interpretation: LuaScript | None = None
    dependency_interpretation: LuaScript | None = None
    component_resource: LuaScript | None = None

    def scripts(self) -> dict[Operation, str]:
        """The scripts that are there; an empty one counts as none."""
        written = {
            Operation.RETAIN: self.retention,
            Operation.REPLICAS: self.replica_resource,
            Operation.COMPONENTS: self.component_resource,
            Operation.REVISE: self.replica_revision,
            Operation.REFLECT: self.status_reflection,
            Operation.AGGREGATE: self.status_aggregation,
            Operation.HEALTH: self.health_interpretation,
            Operation.DEPENDENCIES: self.dependency_interpretation,
        }
        return {
            operation: script.lua_script
            for operation, script in written.items()
            if script is not None and script.lua_script
        }


class CustomizationSpec(Model):
    target: CustomizationTarget
    customizations: CustomizationRules


class ResourceInterpreterCustomization(KubernetesObject):
    """Scripts for one kind; where several customize the same one, the first by name counts."""

    api_version: Literal["config.karmada.io/v1alpha1"] = "config.karmada.io/v1alpha1"
    kind: Literal["ResourceInterpreterCustomization"] = "ResourceInterpreterCustomization"
    metadata: ObjectMeta
    spec: CustomizationSpec

    @property
    def name(self) -> str:
        return self.metadata.name


class DependentObjectReference(Model):
    """An object that another one needs beside it, by name or, for all that match, by labels."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    label_selector: LabelSelector | None = None
