"""Finding the binaries of a member cluster; what cannot be found is built once.

Looked up in order, each checked for its version: `KUBEBUILDER_ASSETS`, Argosy's cache, setup-envtest's cache,
`PATH`. Official release files are not downloaded: their sums could not be verified when the versions were
pinned, while Go modules are checked against sums that are committed here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from argosy.errors import InvalidInput
from devcluster.build import PINNED, Progress, build, built_directory
from devcluster.places import envtest_directories, kubebuilder_assets

NAMES = tuple(name for module in PINNED for name in module.provides)


def ensure(names: Iterable[str], *, progress: Progress) -> dict[str, Path]:
    """Paths of the named binaries, built where they cannot be found.

    Args:
        names: among `NAMES`.
        progress: told every few seconds what a build is doing, and which binaries do not fit.

    Raises:
        InvalidInput: a name is not one of `NAMES`.
        MissingBinary: one can neither be found nor built; says why and what to do.
    """
    wanted = set(names)
    if unknown := wanted - set(NAMES):
        raise InvalidInput(f"no binary is called {min(unknown)!r}; choose among {', '.join(NAMES)}")
    paths: dict[str, Path] = {}
    for module in PINNED:
        for name in wanted.intersection(module.provides):
            path = find(name, progress=progress)
            if path is None:
                build(module, progress=progress)
                path = built_directory() / name
            paths[name] = path
    return paths


def find(name: str, *, progress: Progress = lambda _: None) -> Path | None:
    """The first binary of that name with the pinned minor version; None where it has to be built."""
    module = next(module for module in PINNED if name in module.provides)
    for path in _candidates(name):
        # What is in the cache was built from the pins: its directory says the version.
        if path.parent == built_directory():
            return path
        version = _version(path)
        if version == _minor(module.version):
            return path
        progress(f"not using {path}: it is {version or 'of no known version'}, not {_minor(module.version)}")
    return None


def _candidates(name: str) -> Iterator[Path]:
    chosen, on_path = kubebuilder_assets(), shutil.which(name)
    directories = [built_directory(), *reversed(envtest_directories())]
    paths = [directory / name for directory in ([chosen] if chosen else []) + directories]
    return (path for path in [*paths, *([Path(on_path)] if on_path else [])] if path.is_file())


def _version(path: Path) -> str:
    """The minor version that a binary reports, such as `1.36`; empty where it reports none."""
    try:
        printed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return _minor(printed)


def _minor(text: str) -> str:
    found = re.search(r"\d+\.\d+", text)
    return found.group() if found else ""
