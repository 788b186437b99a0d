"""Secrets."""

from __future__ import annotations

from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Kind, Object
from argosy.interpreter.reading import section, text

_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - the name of a type
_ACCOUNT = "kubernetes.io/service-account.uid"


def _retain(desired: Object, observed: Object) -> Manifest:
    """A service account's token belongs to the member that issued it."""
    if text(desired, "type") != _TOKEN:
        return dict(desired)
    kept = dict(desired)
    kept.pop("data", None)
    if "data" in observed:
        kept["data"] = observed["data"]
    account = section(observed, "metadata", "annotations").get(_ACCOUNT)
    if account:
        metadata = section(desired, "metadata")
        annotations = {**section(metadata, "annotations"), _ACCOUNT: account}
        kept["metadata"] = {**metadata, "annotations": annotations}
    return kept


KIND = Kind(
    api_version="v1",
    kind="Secret",
    retain=_retain,
    # The token is left out of every copy, so that it stays the member's under server-side apply.
    retains=lambda _: False,
)
