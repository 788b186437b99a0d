"""A real Alertmanager: found, or built once like the parts of a member cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

from devcluster.build import Module, Progress, build

# The latest release whose module holds the compiled web UI; later ones build only where npm does.
ALERTMANAGER = Module(
    directory="alertmanager",
    package="github.com/prometheus/alertmanager/cmd/alertmanager",
    version="v0.31.1",
    provides=("alertmanager",),
    apart=True,
)
# Debian's name for it comes first: it is the rarer one.
_ON_PATH = ("prometheus-alertmanager", "alertmanager")


def ensure(*, progress: Progress) -> Path:
    """The binary: from the cache, or from PATH in any version, or else built, which takes a minute once.

    Raises:
        MissingBinary: there is none, and it cannot be built; says why and what to do.
    """
    built = ALERTMANAGER.kept_in / "alertmanager"
    if built.is_file():
        return built
    for name in _ON_PATH:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    build(ALERTMANAGER, progress=progress)
    return built
