"""How a member cluster is reached: a reference that is resolved on the worker, never credentials."""

from __future__ import annotations

from argosy.api.record import Record


class ConnectionReference(Record):
    """A context of a kubeconfig file on the worker; no context means the file's current one."""

    kubeconfig: str
    context: str | None = None

    def __str__(self) -> str:
        return f"{self.kubeconfig} ({self.context or 'current context'})"


NOT_FROM_HERE = ConnectionReference(kubeconfig="")
"""Of a cluster that only a worker inside it reaches, with credentials that nobody else is told of."""
