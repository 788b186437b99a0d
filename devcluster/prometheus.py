"""A real Prometheus, and promtool, which plays rules: found, or built once like the parts of a member cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

from devcluster.build import Module, Progress, build

_VERSION = "v0.315.1"
# It finds targets by lists and by DNS, so that it needs no cloud's client library; nor has it a UI.
_SMALL = ("remove_all_sd", "enable_dns_sd")
PROMETHEUS = Module(
    directory="prometheus",
    package="github.com/prometheus/prometheus/cmd/prometheus",
    version=_VERSION,
    provides=("prometheus",),
    tags=_SMALL,
    apart=True,
)
PROMTOOL = Module(
    directory="prometheus",
    package="github.com/prometheus/prometheus/cmd/promtool",
    version=_VERSION,
    provides=("promtool",),
    tags=_SMALL,
    apart=True,
)


def ensure(module: Module, *, progress: Progress) -> Path:
    """The binary: from the cache, or from PATH in any version, or else built, which takes minutes once.

    Raises:
        MissingBinary: there is none, and it cannot be built; says why and what to do.
    """
    (name,) = module.provides
    built = module.kept_in / name
    if built.is_file():
        return built
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    build(module, progress=progress)
    return built
