"""The account that Kubernetes gives a pod: how a worker inside a member reaches the API server of that member."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from argosy.api.cluster_connection import ConnectionReference

MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class ServiceAccount:
    """The account of the pod that this process runs in.

    No record of Temporal can ask for it: it is chosen where a process is started.

    Attributes:
        server: URL of the API server.
        directory: where token and CA are mounted.
    """

    server: str
    directory: Path = MOUNTED

    def __str__(self) -> str:
        return f"the service account of this pod ({self.directory})"


Source = ConnectionReference | ServiceAccount
"""Where the credentials for an API server come from."""
