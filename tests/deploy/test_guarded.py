"""Temporal as docker-compose.guarded.yml has it: its own TLS and authorization, on PostgreSQL, with every real part.

Run by `make test-postgres`, as what it is built upon.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from devcluster.member import Member
from devcluster.ports import free_port
from tests.deploy.conftest import ROOT, unavailable
from tests.deploy.installation import Installation, Postgres, postgres_binaries, wait_until
from tests.deploy.test_postgres import images, write
from tests.plant import deployment, placing_everything

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(170)]

NAMESPACE = "guarded"
NOT_PERMITTED = "Temporal does not permit this with the credentials in use"
TOKEN_REFUSED = "refuses the token"


@pytest.fixture(scope="module")
def installation(
    guarded: dict[str, Any],
    temporal_binaries: dict[str, Path],
    members: list[Member],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """What the compose file and its guard start, with identities by the script that is shipped, and one template."""
    binaries = postgres_binaries()
    if binaries is None or shutil.which("openssl") is None:
        unavailable("install PostgreSQL's server and OpenSSL, on Debian `apt-get install postgresql openssl`")
    directory = tmp_path_factory.mktemp("guarded")
    unshipped = shutil.ignore_patterns("secrets", "kubeconfigs")
    shutil.copytree(ROOT / "deploy", directory / "deploy", ignore=unshipped)
    for script in ("secrets.sh", "temporal/identities.sh"):
        subprocess.run([directory / "deploy" / script], check=True)
    password = directory / "deploy" / "secrets" / "postgres-password"
    postgres = Postgres(binaries, password=password, log=directory / "postgres.log")
    made = Installation(guarded, directory, temporal_binaries, postgres)
    try:
        postgres.start()
        made.run("temporal-schema")
        made.start_temporal()
        made.run("temporal-namespace")
        only_an_administrator_prepares(made)
        made.run("init", attempts=10)
        made.start_worker("worker")
        for member in members:
            made.join(member, "eu")
        files = write(directory / "web.yaml", *placing_everything(NAMESPACE), deployment("web", NAMESPACE))
        made.argosy("apply", files, "--wait")
        yield made
        made.argosy("delete", files)
    finally:
        made.close()


def identity(installation: Installation, name: str) -> dict[str, str]:
    """What lets a command act as somebody of deploy/secrets."""
    return {"TEMPORAL_CONFIG_FILE": str(installation.directory / f"deploy/secrets/temporal-{name}.toml")}


def without(installation: Installation, directory: Path, part: str) -> dict[str, str]:
    """The worker's identity without its token (`api_key`) or its certificate (`client_`)."""
    text = (installation.directory / "deploy/secrets/temporal-argosy.toml").read_text()
    if part == "api_key":
        kept = "\n".join(line for line in text.splitlines() if not line.startswith("api_key"))
    else:
        kept = text[: text.index("client_cert_data")]
    (directory / "client.toml").write_text(kept)
    return {"TEMPORAL_CONFIG_FILE": str(directory / "client.toml")}


def token(installation: Installation, *words: str) -> str:
    """One that the shipped script signs."""
    script = installation.directory / "deploy/temporal/identities.sh"
    done = subprocess.run([script, "token", *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence that a command ended with."""
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith(("20", "{"))]
    assert line.startswith("error: ")
    return line


def test_who_may_write_propagates(installation: Installation, members: list[Member], tmp_path: Path) -> None:
    changed = write(tmp_path / "web.yaml", deployment("web", NAMESPACE, "nginx:2"))
    assert "configured (revision 2)" in installation.argosy("apply", changed, "--wait")
    assert images(members, NAMESPACE)["member1"] == {"nginx:2"}


@pytest.mark.parametrize(
    "words",
    [
        ("get", "propagations", "-A"),
        ("get", "policies", "-A"),
        ("cluster", "list"),
        ("status", "deployment/web", "-n", NAMESPACE),
        ("history", "deployment/web", "-n", NAMESPACE),
        ("describe", "deployment/web", "-n", NAMESPACE),
        ("explain", "deployment/web", "-n", NAMESPACE),
    ],
    ids=" ".join,
)
def test_who_may_read_reads(installation: Installation, words: tuple[str, ...]) -> None:
    done = installation.attempt(*words, **identity(installation, "reader"))
    assert done.returncode == 0, done.stderr
    assert "web" in done.stdout or "member1" in done.stdout or "everything" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("apply", "-f", "FILE"),
        ("delete", "deployment", "web", "-n", NAMESPACE),
        ("retry", "deployment/web", "-n", NAMESPACE),
        ("cluster", "cordon", "member1"),
        ("cluster", "failover", "member1", "--now"),
    ],
    ids=" ".join,
)
def test_who_may_read_changes_nothing(
    installation: Installation, members: list[Member], tmp_path: Path, words: tuple[str, ...]
) -> None:
    path = tmp_path / "web.yaml"
    write(path, deployment("web", NAMESPACE, "nginx:3"))
    given = [str(path) if word == "FILE" else word for word in words]
    done = installation.attempt(*given, **identity(installation, "reader"))
    assert (done.returncode, done.stdout) == (4, "")
    assert NOT_PERMITTED in refusal(done)
    status = json.loads(installation.argosy("status", "deployment/web", "-n", NAMESPACE, "-o", "json"))
    assert status["phase"] == "Applied"
    assert images(members, NAMESPACE)["member1"] != {"nginx:3"}


def test_who_may_only_read_may_see_that_the_namespace_is_prepared(installation: Installation) -> None:
    done = installation.attempt("init", **identity(installation, "reader"))
    assert (done.returncode, "nothing was missing" in done.stdout) == (0, True)


def only_an_administrator_prepares(installation: Installation) -> None:
    """Servers notice a new namespace within seconds; then its attributes are missing, and the worker may add none."""
    done: list[subprocess.CompletedProcess[str]] = []

    def answered() -> bool:
        done.append(installation.attempt("init", **identity(installation, "argosy")))
        return done[-1].returncode != 1

    wait_until(answered, what="the namespace is known", seconds=30)
    assert done[-1].returncode == 4
    assert "run `argosy init` as its administrator" in refusal(done[-1])


@pytest.mark.parametrize("permissions", ["elsewhere:admin", "elsewhere:read,other:write"])
def test_a_token_for_another_namespace_opens_none(installation: Installation, permissions: str) -> None:
    there = {"TEMPORAL_API_KEY": token(installation, "alice", permissions)}
    done = installation.attempt("get", "propagations", "-A", **there)
    assert done.returncode == 4
    assert NOT_PERMITTED in refusal(done)


def test_a_token_by_variable_takes_the_place_of_the_files(installation: Installation) -> None:
    may_read = {"TEMPORAL_API_KEY": token(installation, "alice", "argosy:read", "1")}
    assert "web" in installation.attempt("get", "propagations", "-A", **may_read).stdout
    expired = {"TEMPORAL_API_KEY": token(installation, "alice", "argosy:read", "-1")}
    done = installation.attempt("get", "propagations", "-A", **expired)
    assert done.returncode == 4
    assert TOKEN_REFUSED in refusal(done)


def test_a_token_of_somebody_else_is_refused(installation: Installation, tmp_path: Path) -> None:
    shutil.copytree(installation.directory / "deploy/temporal", tmp_path / "deploy/temporal")
    subprocess.run([tmp_path / "deploy/temporal/identities.sh"], check=True)
    script = tmp_path / "deploy/temporal/identities.sh"
    made = subprocess.run(
        [script, "token", "mallory", "argosy:write"], capture_output=True, text=True, check=True
    )
    done = installation.attempt("get", "clusters", TEMPORAL_API_KEY=made.stdout.strip())
    assert done.returncode == 4
    assert TOKEN_REFUSED in refusal(done)


def test_without_a_token_nothing_is_permitted(installation: Installation, tmp_path: Path) -> None:
    done = installation.attempt("get", "clusters", **without(installation, tmp_path, "api_key"))
    assert done.returncode == 4
    assert NOT_PERMITTED in refusal(done)


def test_without_a_certificate_there_is_no_connection(installation: Installation, tmp_path: Path) -> None:
    done = installation.attempt("get", "clusters", **without(installation, tmp_path, "client_"))
    assert done.returncode == 1
    assert "breaks off the connection; where it demands TLS, set" in refusal(done)


def test_without_tls_there_is_no_connection(installation: Installation) -> None:
    done = installation.attempt("get", "clusters", TEMPORAL_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
    assert "breaks off the connection" in refusal(done)


@pytest.mark.parametrize(
    ("permissions", "said"),
    [
        ("elsewhere:write", "Temporal does not permit reading namespace argosy"),
        ("argosy:read", "Temporal does not permit working in namespace argosy"),
    ],
)
def test_a_worker_with_too_few_rights_ends_with_the_reason(
    installation: Installation, permissions: str, said: str
) -> None:
    done = installation.attempt(
        "worker", "run", TEMPORAL_API_KEY=token(installation, "worker", permissions), ARGOSY_HEALTH_LISTEN=""
    )
    assert done.returncode == 4
    assert said in refusal(done)


def test_a_worker_whose_token_expires_ends_with_the_reason(
    installation: Installation, tmp_path: Path
) -> None:
    short = expiring(installation, seconds=5)
    port = free_port()
    environment = installation.environment(
        "worker", TEMPORAL_API_KEY=short, ARGOSY_HEALTH_LISTEN=f"127.0.0.1:{port}"
    )
    command = [sys.executable, "-m", "cli", "worker", "run"]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 4
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: Temporal does not permit working in namespace argosy")


def expiring(installation: Installation, *, seconds: int) -> str:
    """A token like the worker's, for a moment."""

    def encoded(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    secrets = installation.directory / "deploy/secrets"
    (key,) = json.loads((secrets / "temporal-jwks.json").read_text())["keys"]
    claims = {"sub": "worker", "exp": int(time.time()) + seconds, "permissions": ["argosy:write"]}
    header = {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    private = serialization.load_pem_private_key((secrets / "temporal-tokens.key").read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return f"{text}.{encoded(private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_the_parts_of_the_server_do_not_talk_to_strangers(installation: Installation) -> None:
    """History and the frontend for the server's own parts are behind the same certificates."""
    address = f"127.0.0.1:{installation.ports['INTERNAL_FRONTEND_GRPC_PORT']}"
    done = installation.attempt("get", "clusters", TEMPORAL_ADDRESS=address, TEMPORAL_CONFIG_FILE=os.devnull)
    assert done.returncode == 1
