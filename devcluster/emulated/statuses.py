"""What a refusal looks like: Kubernetes' Status, as the real server words it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devcluster.emulated.schema import Kind


class Refusal(Exception):
    """An answer of 400 and above; `body` is the Status object."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({} if details is None else {"details": details}),
            "code": code,
        }


def missing(what: str) -> Refusal:
    """The emulation does not have something; says so by name."""
    return Refusal(
        501, "NotImplemented", f"this API server is emulated and does not have {what}; use a real one"
    )


def not_found(kind: Kind, name: str) -> Refusal:
    """There is no such object."""
    return Refusal(404, "NotFound", f'{kind.resource} "{name}" not found', details=_details(kind, name))


def no_namespace(name: str) -> Refusal:
    """There is no such namespace."""
    details = {"name": name, "kind": "namespaces"}
    return Refusal(404, "NotFound", f'namespaces "{name}" not found', details=details)


def no_path() -> Refusal:
    """Nothing is served there."""
    return Refusal(404, "NotFound", "the server could not find the requested resource", details={})


def exists(kind: Kind, name: str) -> Refusal:
    """An object of that name is there already."""
    details = _details(kind, name)
    return Refusal(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details=details)


def conflict(kind: Kind, name: str, message: str) -> Refusal:
    """A precondition does not hold."""
    return Refusal(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {kind.resource} "{name}": {message}',
        details=_details(kind, name),
    )


def replaced(kind: Kind, name: str, *, wanted: str, known: str) -> Refusal:
    """Another object of that name is to be deleted."""
    return _not_as_expected(kind, name, "UID", wanted, known, "deleted and then recreated")


def modified(kind: Kind, name: str, *, wanted: str, known: str) -> Refusal:
    """Another version of the object is to be deleted."""
    return _not_as_expected(kind, name, "ResourceVersion", wanted, known, "modified")


def _not_as_expected(kind: Kind, name: str, what: str, wanted: str, known: str, happened: str) -> Refusal:
    text = (
        f'Operation cannot be fulfilled on {kind.kind} "{name}": the {what} in the precondition ({wanted}) does '
        f"not match the {what} in record ({known}). The object might have been {happened}"
    )
    details = {**_details(kind, name), "kind": kind.kind}
    return Refusal(409, "Conflict", text, details=details)


def field_conflicts(found: Sequence[tuple[str, str]]) -> Refusal:
    """Others own the fields: (who, which), for each."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path}
        for who, path in found
    ]
    if len(causes) == 1:
        text = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        listed: dict[str, list[str]] = {}
        for who, path in found:
            listed.setdefault(who, []).append(path)
        parts = [
            f"conflicts with {who}:\n" + "\n".join(f"- {path}" for path in paths)
            for who, paths in listed.items()
        ]
        text = f"Apply failed with {len(causes)} conflicts: " + "\n".join(parts)
    return Refusal(409, "Conflict", text, details={"causes": causes})


def immutable(kind: Kind, name: str, field: str, value: Any) -> Refusal:
    """A field cannot be changed."""
    message = f'Invalid value: "{value}": field is immutable'
    details = {
        "name": name,
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.kind,
        # The real server checks it twice, and says so.
        "causes": [{"reason": "FieldValueInvalid", "message": message, "field": field}] * 2,
    }
    group = f".{kind.group}" if kind.group else ""
    text = f'{kind.kind}{group} "{name}" is invalid: {field}: {message}'
    return Refusal(422, "Invalid", text, details=details)


def going(kind: Kind, name: str, namespace: str) -> Refusal:
    """The namespace is being deleted."""
    message = f"unable to create new content in namespace {namespace} because it is being terminated"
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    details = {**_details(kind, name), "causes": [cause]}
    return Refusal(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {message}', details=details)


def success(kind: Kind, name: str, uid: str) -> dict[str, Any]:
    """What a deletion answers that left nothing."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**_details(kind, name), "uid": uid},
    }


def _details(kind: Kind, name: str) -> dict[str, Any]:
    return {"name": name, **({"group": kind.group} if kind.group else {}), "kind": kind.plural}
