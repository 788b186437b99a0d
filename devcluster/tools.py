"""Programs that check what is deployed, each built once like the parts of a member cluster.

Their versions decide what is checked, so one of the same name on `PATH` is not taken.
"""

from __future__ import annotations

from pathlib import Path

from devcluster.build import Module, Progress, build

# The latest that builds with the Go that the members need.
TEMPORAL = "v1.32.1"
TEMPORAL_SERVER = Module(
    directory="temporal",
    package="go.temporal.io/server/cmd/server",
    version=TEMPORAL,
    provides=("temporal-server",),
    apart=True,
)
TEMPORAL_SQL_TOOL = Module(
    directory="temporal",
    package="go.temporal.io/server/cmd/tools/sql",
    version=TEMPORAL,
    provides=("temporal-sql-tool",),
    apart=True,
)
HELM = Module(
    directory="helm", package="helm.sh/helm/v4/cmd/helm", version="v4.2.4", provides=("helm",), apart=True
)
# Around the library with which Docker reads compose files.
COMPOSE = Module(
    directory="compose",
    package=".",
    version="v2.16.2",
    provides=("compose-spec",),
    apart=True,
)
TOOLS = (COMPOSE, HELM, TEMPORAL_SERVER, TEMPORAL_SQL_TOOL)


def ensure(tool: Module, *, progress: Progress) -> Path:
    """The path of a tool's binary, built where the cache lacks it.

    Raises:
        MissingBinary: it cannot be built; says why and what to do.
    """
    path = tool.kept_in / tool.provides[0]
    if not path.is_file():
        build(tool, progress=progress)
    return path
