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


def kubebuilder_assets() -> Path | None:
    """The directory of binaries that the user chose, by the convention of controller-runtime's envtest."""
    return _directory("KUBEBUILDER_ASSETS")


def envtest_directories() -> list[Path]:
    """What `setup-envtest` has downloaded, one directory a version."""
    return sorted((_home("XDG_DATA_HOME", ".local/share") / "kubebuilder-envtest" / "k8s").glob("*"))


def inherited(**extra: str) -> dict[str, str]:
    """The process environment with `extra` on top, for child processes."""
    return {**os.environ, **extra}  # noqa: TID251 - handed on to children, not read


def in_ci() -> bool:
    """Whether this runs in continuous integration, by the convention of its services."""
    return os.environ.get("CI", "").lower() == "true"  # noqa: TID251 - see `_directory`


def _home(variable: str, default: str) -> Path:
    return _directory(variable) or Path.home() / default


def _directory(variable: str) -> Path | None:
    """The value of a path variable; empty counts as unset, as the XDG base directory rules say."""
    value = os.environ.get(variable)  # noqa: TID251 - conventions of other tools, not settings of ours
    return Path(value) if value else None
