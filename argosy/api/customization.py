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
    """A script that defines the one function its operation calls.

    Attributes:
        lua_script: Lua 5.1.
    """

    lua_script: str = ""


class CustomizationTarget(Model):
    """The one kind in the one version that is customized.

    Attributes:
        api_version, kind: of the objects.
    """

    api_version: str
    kind: str


class CustomizationRules(Model):
    """The scripts by operation; an operation without one is left to the built-in interpreters.

    Attributes:
        retention: `Retain(desiredObj, observedObj)`: what of a live object is kept when it is written.
        replica_resource: `GetReplicas(obj)`: how many replicas it has, and what each needs.
        replica_revision: `ReviseReplica(obj, desiredReplica)`: the object with another number of replicas.
        status_reflection: `ReflectStatus(observedObj)`: what of a copy's status is collected.
        status_aggregation: `AggregateStatus(desiredObj, statusItems)`: the template's status, from its copies'.
        health_interpretation: `InterpretHealth(observedObj)`: whether a copy is healthy.
        dependency_interpretation: `GetDependencies(desiredObj)`: what it needs beside it.
        component_resource: `GetComponents(obj)`: its pod templates, where it has several.
    """

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
    """What is customized, and how.

    Attributes:
        target: the kind.
        customizations: the scripts.
    """

    target: CustomizationTarget
    customizations: CustomizationRules


class ResourceInterpreterCustomization(KubernetesObject):
    """Scripts for one kind; where several customize the same one, the first by name counts.

    Attributes:
        spec: the kind and its scripts.
    """

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
