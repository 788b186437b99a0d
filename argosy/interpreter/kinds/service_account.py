"""ServiceAccounts."""

from __future__ import annotations

from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Kind, Object
from argosy.interpreter.reading import entries


def _retain(desired: Object, observed: Object) -> Manifest:
    """The tokens and pull secrets that the member has added."""
    kept = dict(desired)
    for name in ("secrets", "imagePullSecrets"):
        both = [*entries(desired, name), *entries(observed, name)]
        if both:
            kept[name] = list({str(one.get("name")): one for one in reversed(both)}.values())[::-1]
    return kept


KIND = Kind(
    api_version="v1",
    kind="ServiceAccount",
    retain=_retain,
    # `secrets` and `imagePullSecrets` are lists by name: under server-side apply the member's entries stay.
    retains=lambda _: False,
)
