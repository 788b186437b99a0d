"""Kinds of other projects that Karmada knows as well, by rules of our own; one module for each project."""

from __future__ import annotations

from collections.abc import Mapping

from argosy.interpreter.bundled import argo, flink, flux, kruise, kubeflow, kyverno, ray, spark, volcano
from argosy.interpreter.kind import Kind

_MODULES = (argo, flink, flux, kruise, kubeflow, kyverno, ray, spark, volcano)

KINDS: Mapping[tuple[str, str], Kind] = {
    (kind.api_version, kind.kind): kind for module in _MODULES for kind in module.KINDS
}
"""By apiVersion and kind."""
