"""Credential plugins of a kubeconfig (`exec`): a program that prints an ExecCredential."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from argosy.errors import InvalidInput, Unauthorized

PLUGIN_TIMEOUT = 10.0
"""Seconds that a plugin may take; those of the large clouds need one or two."""
RETRY_DELAY = 30.0
"""Seconds until a plugin that gave no credentials is asked again."""
_MAX_TEXT = 200


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class EnvironmentVariable(_Wire):
    name: str
    value: str


class ExecPlugin(_Wire):
    """The `exec` section of a user."""

    api_version: Literal["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] = Field(
        alias="apiVersion"
    )
    command: str = Field(min_length=1)
    args: tuple[str, ...] | None = None
    env: tuple[EnvironmentVariable, ...] | None = None
    install_hint: str = Field(default="", alias="installHint")
    interactive_mode: str = Field(default="IfAvailable", alias="interactiveMode")
    provide_cluster_info: bool = Field(default=False, alias="provideClusterInfo")


class _Status(_Wire):
    token: str | None = None
    certificate: str | None = Field(default=None, alias="clientCertificateData")
    key: str | None = Field(default=None, alias="clientKeyData")
    expires: datetime | None = Field(default=None, alias="expirationTimestamp")


class _ExecCredential(_Wire):
    api_version: str = Field(alias="apiVersion")
    kind: Literal["ExecCredential"]
    status: _Status


@dataclass(frozen=True)
class PluginCredentials:
    """What a plugin gave; `expires` is in seconds since the epoch."""

    authorization: str | None = field(repr=False)
    certificate: tuple[bytes, bytes] | None = field(repr=False)
    expires: float | None


async def run_plugin(
    plugin: ExecPlugin, *, kubeconfig: Path, server: str, ca: str | None
) -> PluginCredentials:
    """Run the program and read what it prints.

    Raises:
        InvalidInput: there is no such program, it needs a terminal, or it prints something else.
        Unauthorized: it failed or took longer than `PLUGIN_TIMEOUT`; it may succeed later.
    """
    if plugin.interactive_mode == "Always":
        raise InvalidInput(
            f"{kubeconfig}: exec {plugin.command} needs a terminal; a worker has none, use a token"
        )
    info: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        authority = {"certificate-authority-data": base64.b64encode(ca.encode()).decode()} if ca else {}
        info["cluster"] = {"server": server, **authority}
    request = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": info}
    environment = {
        **os.environ,  # noqa: TID251 - a plugin runs in the environment that the worker was given
        **{variable.name: variable.value for variable in plugin.env or ()},
        "KUBERNETES_EXEC_INFO": json.dumps(request),
    }
    output = await _output(
        plugin, _program(plugin, kubeconfig, environment.get("PATH")), environment, kubeconfig
    )
    return _credentials(plugin, output, kubeconfig)


def _program(plugin: ExecPlugin, kubeconfig: Path, search: str | None) -> str:
    # With a slash the command is relative to the kubeconfig, otherwise it is looked up in PATH.
    named = str(kubeconfig.parent / plugin.command) if "/" in plugin.command else plugin.command
    found = shutil.which(named, path=search)
    if found is None:
        hint = " ".join(plugin.install_hint.split())[:_MAX_TEXT] or "install it there or use a token"
        raise InvalidInput(f"{kubeconfig}: program {plugin.command} is not on the worker; {hint}")
    return found


async def _output(plugin: ExecPlugin, program: str, environment: dict[str, str], kubeconfig: Path) -> bytes:
    process = await asyncio.create_subprocess_exec(
        program,
        *(plugin.args or ()),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PLUGIN_TIMEOUT):
            output, complaint = await process.communicate()
    except TimeoutError:
        raise Unauthorized(
            f"{kubeconfig}: exec {plugin.command} took more than {PLUGIN_TIMEOUT:.0f} s; run it by hand to see why",
            retry_after=RETRY_DELAY,
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        text = " ".join(complaint.decode("utf-8", "replace").split())[:_MAX_TEXT]
        raise Unauthorized(
            f"{kubeconfig}: exec {plugin.command} failed with {process.returncode} ({text}); run it by hand to see why",
            retry_after=RETRY_DELAY,
        )
    return output


def _credentials(plugin: ExecPlugin, output: bytes, kubeconfig: Path) -> PluginCredentials:
    unusable = f"{kubeconfig}: exec {plugin.command}"
    try:
        answer = _ExecCredential.model_validate_json(output)
    except ValidationError:
        # The output may hold a credential, so nothing of it is shown.
        raise InvalidInput(f"{unusable} does not print an ExecCredential; run it by hand to see") from None
    if answer.api_version != plugin.api_version:
        raise InvalidInput(f"{unusable} speaks {answer.api_version}; write that as its apiVersion")
    status = answer.status
    if bool(status.certificate) != bool(status.key) or not (status.token or status.certificate):
        raise InvalidInput(
            f"{unusable} gives neither a token nor a certificate with its key; run it by hand to see"
        )
    certificate = None
    if status.certificate and status.key:
        certificate = (status.certificate.encode(), status.key.encode())
    return PluginCredentials(
        authorization=f"Bearer {status.token}" if status.token else None,
        certificate=certificate,
        expires=status.expires.timestamp() if status.expires else None,
    )
