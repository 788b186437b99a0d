"""From a document to its model, with every refusal as a sentence that names the place and the remedy."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from argosy.api.base import Model
from argosy.api.cluster import Cluster
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.interpreter_webhook import ResourceInterpreterWebhookConfiguration, webhook_problems
from argosy.api.manifest import Manifest, ResourceRef, ref_of
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import AnyPropagationPolicy, ClusterPropagationPolicy, PropagationPolicy
from argosy.api.rebalancer import WorkloadRebalancer
from argosy.api.taint_policy import ClusterTaintPolicy
from argosy.api.yaml_reader import YamlProblem, read_yaml
from argosy.errors import InvalidInput

AnyPolicy = AnyPropagationPolicy | AnyOverridePolicy

POLICIES: dict[str, type[AnyPolicy]] = {
    "PropagationPolicy": PropagationPolicy,
    "ClusterPropagationPolicy": ClusterPropagationPolicy,
    "OverridePolicy": OverridePolicy,
    "ClusterOverridePolicy": ClusterOverridePolicy,
}
AnyInterpreter = ResourceInterpreterCustomization | ResourceInterpreterWebhookConfiguration

INTERPRETERS: dict[str, type[AnyInterpreter]] = {
    "ResourceInterpreterCustomization": ResourceInterpreterCustomization,
    "ResourceInterpreterWebhookConfiguration": ResourceInterpreterWebhookConfiguration,
}
API_VERSIONS = {
    group: f"{group}/v1alpha1"
    for group in ("policy.karmada.io", "cluster.karmada.io", "apps.karmada.io", "config.karmada.io")
}
KARMADA_GROUPS = frozenset(
    f"{name}.karmada.io"
    for name in (
        "apps",
        "autoscaling",
        "cluster",
        "config",
        "networking",
        "policy",
        "remedy",
        "search",
        "work",
    )
)
_MOST_PROBLEMS = 5

ModelT = TypeVar("ModelT", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Document:
    """One object as read.

    Attributes:
        source: the file, or `standard input`.
        index: the number of the document in its source, from 1, empty ones not counted.
        line: the line the document starts on, from 1.
        item: positions in the `items` of the lists it was taken from, from 0.
    """

    source: str
    index: int
    manifest: Manifest
    line: int
    item: tuple[int, ...] = ()

    @property
    def place(self) -> str:
        """`policy.yaml, document 2`, with the position in a list where there is one."""
        items = "".join(f".items[{position}]" for position in self.item).lstrip(".")
        return f"{self.source}, document {self.index}" + (f", {items}" if items else "")

    @property
    def ref(self) -> ResourceRef:
        return ref_of(self.manifest)

    @property
    def is_policy(self) -> bool:
        """Whether this is a propagation or override policy, of whatever version."""
        return self.ref.group == "policy.karmada.io" and self.ref.kind in POLICIES

    @property
    def is_cluster(self) -> bool:
        return self.ref.group == "cluster.karmada.io" and self.ref.kind == "Cluster"

    @property
    def is_rebalancer(self) -> bool:
        return self.ref.group == "apps.karmada.io" and self.ref.kind == "WorkloadRebalancer"

    @property
    def is_interpreter(self) -> bool:
        """Whether this tells what objects mean: by scripts or by a web service, of whatever version."""
        ref = self.ref
        return ref.group == "config.karmada.io" and ref.kind in INTERPRETERS

    @property
    def is_taint_policy(self) -> bool:
        return self.ref.group == "policy.karmada.io" and self.ref.kind == "ClusterTaintPolicy"

    @property
    def is_template(self) -> bool:
        """Whether this is an object to propagate: anything outside Karmada's own groups."""
        return self.ref.group not in KARMADA_GROUPS

    def __str__(self) -> str:
        """`policy.yaml, document 2 (PropagationPolicy default/web)`."""
        return f"{self.place} ({self.ref})"


def parse_policy(document: Document) -> AnyPolicy:
    """Return the policy in `document`.

    Raises:
        InvalidInput: the document is no policy, or not a valid one; the message names every field at fault.
    """
    refuse_unmodelled(document)
    if not document.is_policy:
        raise InvalidInput(f"{document} is not a policy; name a document of kind {' or '.join(POLICIES)}.")
    return _parsed(document, POLICIES[document.ref.kind])


def parse_cluster(document: Document) -> Cluster:
    """Return the cluster in `document`.

    Raises:
        InvalidInput: the document is no Cluster, or not a valid one.
    """
    refuse_unmodelled(document)
    if not document.is_cluster:
        raise InvalidInput(f"{document} is not a cluster; name a document of kind Cluster.")
    return _parsed(document, Cluster)


def parse_rebalancer(document: Document) -> WorkloadRebalancer:
    """Return the request to divide replicas anew in `document`.

    Raises:
        InvalidInput: the document is no WorkloadRebalancer, or not a valid one.
    """
    refuse_unmodelled(document)
    if not document.is_rebalancer:
        raise InvalidInput(f"{document} is no WorkloadRebalancer; name a document of that kind.")
    return _parsed(document, WorkloadRebalancer)


def parse_taint_policy(document: Document) -> ClusterTaintPolicy:
    """Return the cluster taint policy in `document`.

    Raises:
        InvalidInput: the document is no ClusterTaintPolicy, or not a valid one.
    """
    refuse_unmodelled(document)
    if not document.is_taint_policy:
        raise InvalidInput(f"{document} is no ClusterTaintPolicy; name a document of that kind.")
    return _parsed(document, ClusterTaintPolicy)


def parse_customization(document: Document) -> ResourceInterpreterCustomization:
    """Return the resource interpreter customization in `document`.

    Raises:
        InvalidInput: the document is no ResourceInterpreterCustomization, or not a valid one.
    """
    if document.ref.kind != "ResourceInterpreterCustomization":
        raise InvalidInput(
            f"{document} is no ResourceInterpreterCustomization; name a document of that kind."
        )
    refuse_unmodelled(document)
    return _parsed(document, ResourceInterpreterCustomization)


def parse_interpreter(document: Document) -> AnyInterpreter:
    """Return what `document` says about the meaning of objects; scripts are not looked into.

    Raises:
        InvalidInput: it is no customization and no webhook configuration, or not a valid one.
    """
    refuse_unmodelled(document)
    if document.ref.kind not in INTERPRETERS:
        raise InvalidInput(f"{document} is neither {' nor '.join(INTERPRETERS)}; name such a document.")
    found = _parsed(document, INTERPRETERS[document.ref.kind])
    if isinstance(found, ResourceInterpreterWebhookConfiguration):
        problems = [str(problem) for problem in webhook_problems(found)]
        if problems:
            raise InvalidInput(f"{document}: {'; '.join(problems)}.")
    return found


def refuse_unmodelled(document: Document) -> None:
    """Accept templates, policies, clusters, rebalancers and interpreters; refuse Karmada's other kinds and versions.

    Raises:
        InvalidInput: Argosy has no model for this kind and must not propagate it as if it were a template.
    """
    ref = document.ref
    if document.is_template:
        return
    modelled = (
        document.is_policy,
        document.is_taint_policy,
        document.is_cluster,
        document.is_rebalancer,
        document.is_interpreter,
    )
    if not any(modelled):
        raise InvalidInput(
            f"{document}: Argosy does not act upon {ref.kind} of {ref.group}; remove it from the input."
        )
    _refuse_version(document)


def _refuse_version(document: Document) -> None:
    expected = API_VERSIONS[document.ref.group]
    if document.ref.api_version != expected:
        raise InvalidInput(
            f"{document}: apiVersion {document.ref.api_version} is not known; write {expected}."
        )


def _parsed(document: Document, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate(document.manifest, by_alias=True, by_name=False)
    except ValidationError as error:
        text = problems_of(error, model)
    raise InvalidInput(f"{document}: {text}")


def read_model(text: str, model: type[ModelT], *, source: str) -> ModelT:
    """The one document in `text`, which `source` names in messages, such as a file of rules.

    Raises:
        InvalidInput: it is not one document of the model's kind; names the place and the remedy.
    """
    try:
        values = [read.value for read in read_yaml(text) if read.value is not None]
    except YamlProblem as problem:
        raise InvalidInput(f"{source}, line {problem.line}: {problem.problem}; {problem.remedy}.") from None
    if len(values) != 1 or not isinstance(values[0], dict):
        raise InvalidInput(f"{source} is not one document; write one of kind {model.__name__}.")
    try:
        return model.model_validate(values[0], by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidInput(f"{source}: {problems_of(error, model)}") from None


def problems_of(error: ValidationError, model: type[Model]) -> str:
    """What is wrong with a document, each field at fault with what to do about it, as one sentence."""
    problems = list(dict.fromkeys(_sentences(error, model)))
    rest = len(problems) - _MOST_PROBLEMS
    more = [f"and {rest} more"] if rest > 0 else []
    text = "; ".join((*problems[:_MOST_PROBLEMS], *more))
    return text if text.endswith("?") else f"{text}."


def _sentences(error: ValidationError, model: type[Model]) -> Iterator[str]:
    for details in error.errors(include_url=False, include_context=True):
        yield _sentence(details, model)


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "datetime_type": "a time such as 2025-01-31T12:00:00Z",
}


def _sentence(details: ErrorDetails, model: type[Model]) -> str:
    location = details["loc"]
    path = dotted(location)
    kind, given = details["type"], details["input"]
    if kind == "extra_forbidden":
        return f"{path} is not a field; {_nearest(location, model)}"
    if kind == "missing":
        return f"{path} is missing; add it"
    if kind == "literal_error":
        return f"{path} is {_shown(given)}; write {details['ctx']['expected']}"
    if kind in _EXPECTED:
        return f"{path} should be {_EXPECTED[kind]}, not {_shown(given)}; {_type_remedy(kind, given)}"
    if kind in ("greater_than_equal", "less_than_equal"):
        better = "smaller" if kind == "less_than_equal" else "larger"
        return f"{path} is {_shown(given)}, out of range; write a {better} number"
    if kind == "value_error":
        return f"{path}: {details['msg'].removeprefix('Value error, ')}"
    if kind.startswith(("datetime", "timezone")):
        return f"{path} is no time; write one such as 2025-01-31T12:00:00Z"
    return f"{path}: {details['msg']}; correct it"


def _type_remedy(kind: str, given: Any) -> str:
    if kind == "string_type" and isinstance(given, bool | int | float):
        return "quote it"
    if kind in ("int_type", "bool_type") and isinstance(given, str):
        return "remove the quotes, or correct it"
    return "correct it"


def _shown(given: Any) -> str:
    """A value for a message: scalars as they are in YAML, shortened; containers by their type only."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return f"the number {given}"
    if isinstance(given, str):
        return f'"{given}"' if len(given) <= 60 else f'"{given[:57]}..."'
    return "a mapping" if isinstance(given, dict) else "a list"


def dotted(location: tuple[int | str, ...]) -> str:
    """Return a place as Kubernetes writes it: `spec.overrideRules[0].overriders`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _nearest(location: tuple[int | str, ...], model: type[Model]) -> str:
    parent = _model_at(model, location[:-1])
    names = [one.alias or name for name, one in parent.model_fields.items()] if parent else []
    near = difflib.get_close_matches(str(location[-1]), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"remove it, or use one of {', '.join(names)}"


def _model_at(model: type[Model], location: tuple[int | str, ...]) -> type[Model] | None:
    """Return the model that holds the fields at `location`, following field names and list positions."""
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        fields = current.model_fields.items() if _is_model(current) else ()
        annotation = next((one.annotation for name, one in fields if part in (name, one.alias)), None)
        current = next(_models_in(annotation), None)
    return current if _is_model(current) else None


def _models_in(annotation: Any) -> Iterator[type[Model]]:
    if _is_model(annotation):
        yield annotation
    elif isinstance(annotation, UnionType) or typing.get_origin(annotation) not in (None, Literal):
        for argument in typing.get_args(annotation):
            yield from _models_in(argument)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Model)
