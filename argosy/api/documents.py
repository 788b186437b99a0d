"""Reading what users write: files, directories, standard input; YAML or JSON; one document or many.

Whatever is wrong is said in one sentence that names the file, the document, the field and the remedy. Values are
never repeated in errors about Secrets.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

import yaml
from pydantic import BaseModel, ValidationError

from argosy.api.cluster import Cluster
from argosy.api.defaults import defaulted
from argosy.api.names import CLUSTER_SCOPED
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import AnyPropagationPolicy, ClusterPropagationPolicy, PropagationPolicy
from argosy.api.record import Record
from argosy.api.unsupported import unsupported_in
from argosy.api.validation import problems_of
from argosy.errors import InvalidInput

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 8 * 1024 * 1024
DEFAULT_NAMESPACE = "default"

_POLICIES: dict[str, type[AnyPropagationPolicy | AnyOverridePolicy]] = {
    "PropagationPolicy": PropagationPolicy,
    "ClusterPropagationPolicy": ClusterPropagationPolicy,
    "OverridePolicy": OverridePolicy,
    "ClusterOverridePolicy": ClusterOverridePolicy,
}
_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}


class Document(Record):
    """One object as read: where it stood, and what it says."""

    source: str
    index: int
    manifest: dict[str, Any]

    def __str__(self) -> str:
        metadata = self.manifest.get("metadata") or {}
        name = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
        return f"{self.source}, document {self.index} ({self.manifest.get('kind', '?')} {name or '?'})"


def read(paths: Sequence[str], *, recursive: bool, stdin: TextIO, namespace: str | None) -> list[Document]:
    """Every object in the given files, directories or `-`, in order.

    Args:
        recursive: also read the directories inside directories.
        namespace: for namespaced objects that name none; None means `default`.

    Raises:
        InvalidInput: something cannot be read or is no object.
    """
    found: list[Document] = []
    for path in paths:
        for source, text in _texts(path, recursive=recursive, stdin=stdin):
            found += _documents(source, text, namespace or DEFAULT_NAMESPACE)
    if not found:
        raise InvalidInput(f"no objects found in {', '.join(paths)}; give files with Kubernetes manifests")
    return found


def is_policy(document: Document) -> bool:
    """Whether a document is a policy rather than a template."""
    return document.manifest["kind"] in _POLICIES and _group(document) == "policy.karmada.io"


def policy_of(document: Document) -> AnyPropagationPolicy | AnyOverridePolicy:
    """The policy in a document, with defaults filled in and every field understood.

    Raises:
        InvalidInput: a field is unknown, wrong, contradictory, or not acted upon yet.
    """
    completed = defaulted(_validated(document, _POLICIES[document.manifest["kind"]]))
    for problem in (*problems_of(completed), *unsupported_in(completed)):
        raise InvalidInput(f"{document}: {problem.path} {problem.message}")
    return completed


def cluster_of(document: Document) -> Cluster:
    """The Cluster in a document.

    Raises:
        InvalidInput: it is none.
    """
    return _validated(document, Cluster)


def check_template(document: Document) -> None:
    """Refuse what cannot be a template.

    Raises:
        InvalidInput: the kind belongs to Karmada's own groups, or the metadata is malformed.
    """
    group = _group(document)
    if group == "karmada.io" or group.endswith(".karmada.io"):
        raise InvalidInput(
            f"{document}: kind {document.manifest['kind']} of {document.manifest['apiVersion']} is not acted upon "
            "yet; remove the document"
        )
    metadata = document.manifest["metadata"]
    for field in ("labels", "annotations"):
        entries = metadata.get(field)
        if entries is None:
            continue
        if not isinstance(entries, dict):
            raise InvalidInput(f"{document}: metadata.{field} must be a map of texts; correct it")
        for key, value in entries.items():
            if not isinstance(value, str):
                raise InvalidInput(f"{document}: metadata.{field}.{key} must be a text; put it into quotes")


_M = typing.TypeVar("_M", bound=BaseModel)


def _validated(document: Document, model: type[_M]) -> _M:
    try:
        return model.model_validate(document.manifest)
    except ValidationError as error:
        raise InvalidInput(f"{document}: {_sentence(error, model)}") from None


def _texts(path: str, *, recursive: bool, stdin: TextIO) -> Iterator[tuple[str, str]]:
    if path == "-":
        yield "standard input", stdin.read(MAX_BYTES + 1)
        return
    place = Path(path)
    if place.is_dir():
        pattern = "**/*" if recursive else "*"
        files = sorted(file for file in place.glob(pattern) if file.suffix in SUFFIXES and file.is_file())
        if not files:
            raise InvalidInput(
                f"{path} has no {', '.join(SUFFIXES)} files"
                + ("" if recursive else "; use -R to look deeper")
            )
    else:
        files = [place]
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InvalidInput(f"{file} does not exist; check the path") from None
        except UnicodeDecodeError:
            raise InvalidInput(f"{file} is not UTF-8 text; save it as UTF-8") from None
        except OSError as error:
            raise InvalidInput(f"{file} cannot be read: {error.strerror}; check its permissions") from error


def _documents(source: str, text: str, namespace: str) -> Iterator[Document]:
    if len(text) > MAX_BYTES:
        raise InvalidInput(f"{source} is larger than {MAX_BYTES >> 20} MiB; split it")
    index = 0
    loader = _Loader(text)
    try:
        while loader.check_data():
            index += 1
            for manifest in _flattened(loader.get_data(), source, index):
                yield _checked(Document(source=source, index=index, manifest=manifest), namespace)
    except yaml.YAMLError as error:
        _refuse_yaml(error, source, index or 1)
    except RecursionError:
        raise InvalidInput(f"{source}, document {index}: nested too deeply; flatten it") from None
    finally:
        loader.dispose()


def _flattened(value: Any, source: str, index: int) -> Iterator[dict[str, Any]]:
    if value is None:
        return
    if not isinstance(value, dict):
        raise InvalidInput(
            f"{source}, document {index}: is a {type(value).__name__}, not an object; check indentation"
        )
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        for item in items:
            yield from _flattened(item, source, index)
        return
    yield value


def _checked(document: Document, namespace: str) -> Document:
    manifest = document.manifest
    for field in ("apiVersion", "kind"):
        if not isinstance(manifest.get(field), str) or not manifest[field]:
            raise InvalidInput(f"{document}: {field} is missing; every object needs one")
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        hint = (
            " (generateName is not supported)"
            if isinstance(metadata, dict) and "generateName" in metadata
            else ""
        )
        raise InvalidInput(f"{document}: metadata.name is missing{hint}; give it a name")
    given = metadata.get("namespace")
    if given is not None and not isinstance(given, str):
        raise InvalidInput(f"{document}: metadata.namespace must be a text; put it into quotes")
    if manifest["kind"] in CLUSTER_SCOPED or _group(document) == "cluster.karmada.io":
        metadata = {key: value for key, value in metadata.items() if key != "namespace"}
    elif not given:
        metadata = {**metadata, "namespace": namespace}
    return document.model_copy(update={"manifest": {**manifest, "metadata": metadata}})


def _group(document: Document) -> str:
    return str(document.manifest["apiVersion"]).rpartition("/")[0]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # chosen at run time
    """YAML as Kubernetes reads it: no duplicate keys, no dates, no anchors that multiply."""

    _aliases = 0
    _MAX_ALIASES = 1000

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            self._aliases += 1
            if self._aliases > self._MAX_ALIASES:
                raise yaml.YAMLError("too many aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        seen: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            key = key if isinstance(key, str) else str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice; keep one", key_node.start_mark
                )
            seen[key] = self.construct_object(value_node, deep=True)
        return seen


_Loader.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node))
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def _refuse_yaml(error: yaml.YAMLError, source: str, index: int) -> NoReturn:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    raise InvalidInput(f"{source}, document {index}{where}: {problem}; correct the YAML") from None


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault as a sentence: unknown fields before the faults that may follow from them."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    path = _path(fault["loc"])
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(
            str(fault["loc"][-1]), _fields_at(model, fault["loc"][:-1]), n=1, cutoff=0.5
        )
        return f"{path} is not a field" + (f"; did you mean {near[0]}?" if near else "; remove it")
    if fault["type"] == "missing":
        return f"{path} is missing; add it"
    if fault["type"] == "literal_error":
        return f"{path} must be {fault['ctx']['expected']}, not {fault['input']!r}"
    expected = _EXPECTED.get(fault["type"])
    if expected:
        return f"{path} must be {expected}, not {_found(fault['input'])}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{path}: {message[0].lower()}{message[1:]}; correct it"


def _found(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _fields_at(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """The names of the fields that are known where a fault was found."""
    for part in location:
        if isinstance(part, int):
            continue
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = next((f for name, f in model.model_fields.items() if part in {name, f.alias}), None)
            model = _inner_model(field.annotation) if field else None
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _inner_model(annotation: Any) -> Any:
    """The model inside `X | None` and `tuple[X, ...]`."""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType, tuple}:
        for argument in typing.get_args(annotation):
            found = _inner_model(argument)
            if found is not None:
                return found
        return None
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
