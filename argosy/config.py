"""Settings, read once from the environment by the entry points and passed on from there.

Temporal's own connection settings are not here: they come from Temporal's profiles and variables
(`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, ...), shared with the `temporal` command.
"""

from __future__ import annotations

import os  # the only reader of the environment
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from argosy.errors import InvalidInput

PREFIX = "ARGOSY_"


class Settings(BaseModel):
    """All of Argosy's settings; each field is the variable `ARGOSY_<FIELD>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_queue: str = Field(
        default="argosy",
        min_length=1,
        description="Task queue of the worker; the same for it and the command line.",
    )
    behaviour: Literal["karmada", "argosy"] = Field(
        default="argosy",
        description="Whose answers count where the two differ, and a policy does not say otherwise.",
    )
    encryption_keys: Path | None = Field(
        default=None,
        description="Key ring file for payload encryption; without any key ring payloads are not encrypted.",
    )
    encryption_key_ring: SecretStr | None = Field(
        default=None, description="The key ring itself, instead of a file."
    )
    require_encryption: bool = Field(
        default=False, description="Refuse to start without an encryption key ring."
    )
    access: Path | None = Field(
        default=None, description="File of AccessRules: whom the worker acts as in members, and on what."
    )
    kubeconfig_exec: bool = Field(
        default=False, description="Allow kubeconfig `exec` plugins to run on the worker."
    )
    probe_interval: float = Field(default=1.0, gt=0, description="Seconds between probes of a cluster.")
    failure_after: float = Field(
        default=5, gt=0, description="Seconds that a cluster has to fail its probes before it is not ready."
    )
    recovery_after: float = Field(
        default=2,
        gt=0,
        description="Seconds that it has to answer before it is ready again; doubled by each failure of late.",
    )
    watch_silence: float = Field(
        default=150,
        gt=60,
        description="Seconds without an event or a bookmark after which a watch is not alive.",
    )
    deschedule_after: float = Field(
        default=0,
        ge=0,
        description="Seconds after which replicas that find no node in their cluster move elsewhere; 0 is off.",
    )
    failover_after: float = Field(
        default=3,
        ge=0,
        description="Seconds that a workload that moves freely stays on a cluster that fails.",
    )
    failover_after_stateful: float = Field(
        default=300,
        ge=0,
        description="The same for StatefulSets, single replicas, Jobs, and whatever mounts a volume claim.",
    )
    eviction_grace: float = Field(
        default=600,
        ge=0,
        description="Seconds that a copy that is to go waits for healthy ones elsewhere, if its policy says nothing.",
    )
    eviction_rate: float = Field(
        default=20, gt=0, description="Templates a second that a worker moves away from clusters, at most."
    )
    wave_patience: float = Field(
        default=600,
        gt=0,
        description="Seconds that templates which return to a cluster may take to become healthy; then no more return.",
    )
    fleet_guard: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="The largest share of the clusters that may fail at once; if more do, nothing is moved.",
    )
    fleet_guard_lasts: float = Field(
        default=60,
        ge=0,
        description="Seconds for which a cluster that is back still counts as one of those that failed at once.",
    )
    health_listen: str = Field(
        default="", description="host:port of the worker's health endpoint; empty is off."
    )
    metrics_listen: str = Field(
        default="",
        description="host:port of the Prometheus endpoint of a worker or of `argosy serve`; empty is off.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="How the worker and `argosy serve` log: lines for people or for programs."
    )
    serve_listen: str = Field(
        default="127.0.0.1:8484",
        min_length=1,
        description="host:port of `argosy serve`, where --listen does not say it.",
    )
    alert_rate: int = Field(
        default=30,
        ge=1,
        description="Actions that alerts may cause in a minute, in each `argosy serve`; the rest has to come again.",
    )
    hard_exit: bool = Field(
        default=True,
        description="End a command at once after flushing: the Temporal SDK can hang one that ends in order.",
    )

    @property
    def encrypts(self) -> bool:
        """Whether payloads are encrypted."""
        return self.encryption_keys is not None or self.encryption_key_ring is not None

    @model_validator(mode="after")
    def _one_key_ring(self) -> Self:
        if self.encryption_keys is not None and self.encryption_key_ring is not None:
            raise ValueError(
                "both ARGOSY_ENCRYPTION_KEYS and ARGOSY_ENCRYPTION_KEY_RING give a key ring; unset one"
            )
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `environ` (default: the process environment).

        Raises:
            InvalidInput: a variable is unknown or has a value that does not fit; names the variable.
        """
        source = os.environ if environ is None else environ  # noqa: TID251 - the one place that reads it
        raw = {
            name: source[PREFIX + name.upper()]
            for name in cls.model_fields
            if source.get(PREFIX + name.upper(), "") != ""
        }
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            if not first["loc"]:
                raise InvalidInput(first["msg"].removeprefix("Value error, ")) from None
            name = PREFIX + str(first["loc"][0]).upper()
            raise InvalidInput(f"setting {name}: {first['msg']}; correct or unset {name}") from error


def pod_api_server(environ: Mapping[str, str] | None = None) -> str:
    """URL of the API server of the cluster whose pod this process runs in.

    Raises:
        InvalidInput: it runs in no pod.
    """
    source = os.environ if environ is None else environ  # noqa: TID251 - see `Settings.from_env`
    host, port = source.get("KUBERNETES_SERVICE_HOST", ""), source.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise InvalidInput(
            "this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set); name the cluster's kubeconfig "
            "with --kubeconfig"
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def traces_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether OpenTelemetry's own variables name a collector to send traces to."""
    source = os.environ if environ is None else environ  # noqa: TID251 - see `Settings.from_env`
    if source.get("OTEL_SDK_DISABLED", "").lower() == "true" or source.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return bool(source.get("OTEL_EXPORTER_OTLP_ENDPOINT") or source.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
