"""Reading what `-f` names: files, folders and standard input, YAML or JSON, into documents.

A document is one object with where it came from, so that every later message can say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from argosy.api.behaviour import behaviour_of
from argosy.api.defaults import default_override, default_policy
from argosy.api.drift import drift_policy
from argosy.api.eviction import moving
from argosy.api.json_reader import NotJson, looks_like_json, read_json
from argosy.api.manifest import ref_of
from argosy.api.names import KindName, is_namespaced
from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.parsing import (
    AnyPolicy,
    Document,
    parse_cluster,
    parse_policy,
    parse_taint_policy,
    refuse_unmodelled,
)
from argosy.api.replacing import replacing
from argosy.api.taint_policy import ClusterTaintPolicy
from argosy.api.unsupported import unsupported
from argosy.api.validation import validate
from argosy.api.yaml_reader import ReadDocument, YamlProblem, read_yaml
from argosy.errors import InvalidInput, NotFound

__all__ = [
    "DEFAULT_NAMESPACE",
    "Document",
    "check_template",
    "parse_cluster",
    "parse_policy",
    "policy_of",
    "read",
    "read_text",
    "taint_policy_of",
]

LARGEST_SOURCE = 16 * 2**20
"""Bytes of one file; an object may hold 1.5 MiB in Kubernetes."""
SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"
DEFAULT_NAMESPACE = "default"


def read(
    sources: Iterable[str],
    *,
    recursive: bool = False,
    stdin: BinaryIO | None = None,
    namespace: str | None = None,
) -> list[Document]:
    """Return the objects of all `sources` in order: paths of files or folders, or `-` for `stdin`.

    Of folders, files ending in .yaml, .yml or .json are read by name, those in subfolders only where
    `recursive`. Empty documents are skipped; lists are flattened. Objects that name no namespace get
    `namespace`, or `default`; those of kinds known to be cluster-wide get none.

    Raises:
        NotFound: a path does not exist.
        InvalidInput: a source cannot be read, or holds something that is no object, or there is no object.
    """
    named = list(sources)
    found = [
        _with_namespace(document, namespace or DEFAULT_NAMESPACE)
        for source in named
        for document in _documents(source, recursive, stdin)
    ]
    if not found:
        places = ", ".join("standard input" if source == STDIN else source for source in named)
        raise InvalidInput(f"{places}: there are no objects; name files with Kubernetes manifests.")
    return found


def policy_of(document: Document) -> AnyPolicy:
    """Return the policy in `document` with its defaults, every field of it valid and acted upon.

    Raises:
        InvalidInput: the document is no policy, or a field is unknown, wrong or not acted upon yet.
    """
    policy = parse_policy(document)
    complete: AnyPolicy
    if isinstance(policy, OverridePolicy | ClusterOverridePolicy):
        complete = default_override(policy)
    else:
        complete = default_policy(policy)
        _check_annotations(document, {}, policy=complete.metadata.annotations)
    behaviour = behaviour_of(complete.metadata.annotations)
    problems = [
        str(problem) for problem in (*validate(complete, behaviour=behaviour), *unsupported(complete))
    ]
    if problems:
        raise InvalidInput(f"{document}: {'; '.join(problems)}.")
    return complete


def taint_policy_of(document: Document) -> ClusterTaintPolicy:
    """Return the cluster taint policy in `document`, every field of it valid.

    Raises:
        InvalidInput: the document is none, or a field is unknown or wrong.
    """
    policy = parse_taint_policy(document)
    behaviour = behaviour_of(policy.metadata.annotations)
    problems = [str(problem) for problem in validate(policy, behaviour=behaviour)]
    if problems:
        raise InvalidInput(f"{document}: {'; '.join(problems)}.")
    return policy


def check_template(document: Document) -> None:
    """Accept what can be propagated.

    Raises:
        InvalidInput: the kind is one of Karmada's own, which mean something to its control plane only; or an
            annotation says something that cannot be.
    """
    refuse_unmodelled(document)
    if not document.is_template:
        raise InvalidInput(f"{document} is not a template; name an object to propagate.")
    _check_annotations(document, document.manifest["metadata"].get("annotations") or {}, policy={})


def _check_annotations(document: Document, template: Mapping[str, str], *, policy: Mapping[str, str]) -> None:
    try:
        drift_policy(template, policy=policy, labels={})
        replacing(template, policy=policy)
        moving(template, policy=policy)
    except InvalidInput as error:
        raise InvalidInput(f"{document}: {error}.") from None


def _with_namespace(document: Document, namespace: str) -> Document:
    metadata = document.manifest["metadata"]
    if is_namespaced(KindName(document.ref.group, document.ref.kind)) is False:
        metadata = {key: value for key, value in metadata.items() if key != "namespace"}
    elif not metadata.get("namespace"):
        metadata = {**metadata, "namespace": namespace}
    return replace(document, manifest={**document.manifest, "metadata": metadata})


def _documents(source: str, recursive: bool, stdin: BinaryIO | None) -> Iterator[Document]:
    if source == STDIN:
        if stdin is None:
            raise InvalidInput("Standard input is not available; name a file instead of -.")
        yield from read_text(
            _decoded(stdin.read(LARGEST_SOURCE + 1), "standard input"), source="standard input"
        )
        return
    if "://" in source:
        raise InvalidInput(f"{source} is an address; download it and name the file.")
    for path in _files(Path(source), recursive):
        yield from read_text(_decoded(_bytes(path), str(path)), source=str(path))


def _files(path: Path, recursive: bool) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        found = path.rglob("*") if recursive else path.iterdir()
        files = sorted(one for one in found if one.suffix in SUFFIXES and one.is_file())
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from None
    if not files:
        hint = (
            "name another folder" if recursive else "name another folder, or add --recursive for subfolders"
        )
        raise InvalidInput(f"{path} holds no file ending in .yaml, .yml or .json; {hint}.")
    return files


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_SOURCE + 1)
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist; check the path.") from None
    except (OSError, ValueError) as error:
        raise _unreadable(str(path), error) from None


def _unreadable(source: str, error: OSError | ValueError) -> InvalidInput:
    reason = error.strerror if isinstance(error, OSError) else None
    return InvalidInput(
        f"{source!r} cannot be read ({reason or 'not a path'}); check the path and its permissions."
    )


def _decoded(content: bytes, source: str) -> str:
    if len(content) > LARGEST_SOURCE:
        raise InvalidInput(f"{source} is larger than {LARGEST_SOURCE // 2**20} MiB; split it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"{source}, line {line}: it is not UTF-8 text; save it as UTF-8.") from None


def read_text(text: str, *, source: str) -> list[Document]:
    """Return the objects in `text`, which `source` names in messages.

    Raises:
        InvalidInput: the text is neither YAML nor JSON, or holds something that is no object.
    """
    found: list[Document] = []
    index = 0
    try:
        for read in _values(text):
            if read.value is not None:
                index += 1
                found += _flattened(read.value, source, index, read.line)
    except YamlProblem as problem:
        raise InvalidInput(f"{source}, line {problem.line}: {problem.problem}; {problem.remedy}.") from None
    return found


def _values(text: str) -> Iterator[ReadDocument]:
    if looks_like_json(text):
        try:
            yield from read_json(text)
        except NotJson:
            pass  # YAML's flow style begins alike; if it is neither, YAML's message names the line
        else:
            return
    yield from read_yaml(text)


def _flattened(
    value: Any, source: str, index: int, line: int, item: tuple[int, ...] = ()
) -> Iterator[Document]:
    """Yield the object in `value`, or those in its `items` where it is a list of objects."""
    where = Document(source=source, index=index, line=line, item=item, manifest={})
    if not isinstance(value, dict):
        raise InvalidInput(
            f"{where.place} is not an object; every document needs apiVersion, kind and metadata."
        )
    items = value.get("items")
    if _is_list(value) and isinstance(items, list):
        for position, one in enumerate(items):
            yield from _flattened(one, source, index, line, (*item, position))
        return
    if not _is_text(value):
        raise InvalidInput(f"{where.place} holds characters that are not Unicode text; remove them.")
    document = Document(source=source, index=index, line=line, item=item, manifest=value)
    try:
        ref_of(value)
    except InvalidInput as refused:
        raise InvalidInput(f"{document.place}: {refused}") from None
    for field in ("labels", "annotations"):
        _refuse_unless_texts(document, field)
    yield document


def _refuse_unless_texts(document: Document, field: str) -> None:
    """Refuse what everything later relies on: labels and annotations map text to text."""
    values = document.manifest["metadata"].get(field)
    if values is None:
        return
    if not isinstance(values, dict):
        raise InvalidInput(f"{document}: metadata.{field} is not a mapping; write KEY: VALUE.")
    for key, value in values.items():
        if not isinstance(value, str):
            raise InvalidInput(f"{document}: metadata.{field}.{key} is not text; quote its value.")


def _is_list(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    metadata = value.get("metadata")
    named = isinstance(metadata, dict) and metadata.get("name")
    return isinstance(kind, str) and kind.endswith("List") and not named


def _is_text(value: Any) -> bool:
    """Whether all text in `value` can be written as UTF-8; JSON can spell halves of characters."""
    level = [value]
    while level:
        if not all(_encodable(one) for one in level if isinstance(one, str)):
            return False
        maps = [one for one in level if isinstance(one, dict)]
        level = [item for one in level if isinstance(one, list) for item in one]
        level += [item for one in maps for pair in one.items() for item in pair]
    return True


def _encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
