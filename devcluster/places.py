"""Where local clusters keep what they need: the one place that reads the environment for them."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """Argosy's cache: binaries that took minutes to build."""
    return _home("XDG_CACHE_HOME", ".cache") / "argosy"


def state_home() -> Path:
    """Argosy's state: the development environment that is up."""
    return _home("XDG_STATE_HOME", ".local/state") / "argosy"


def binary_directories() -> list[Path]:
    """Directories of other tools that may hold member binaries, in order of preference."""
    given = os.environ.get("KUBEBUILDER_ASSETS")  # noqa: TID251 - a convention of envtest, not a setting of ours
    found = [Path(given)] if given else []
    envtest = _home("XDG_DATA_HOME", ".local/share") / "kubebuilder-envtest" / "k8s"
    return [*found, *sorted(envtest.glob("*"), reverse=True)]


def inherited(**extra: str) -> dict[str, str]:
    """The process environment with `extra` on top, for child processes."""
    return {**os.environ, **extra}  # noqa: TID251 - handed on, not read


def _home(variable: str, default: str) -> Path:
    value = os.environ.get(variable)  # noqa: TID251 - the XDG base directories
    return Path(value) if value else Path.home() / default
