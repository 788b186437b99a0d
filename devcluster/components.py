"""The command lines of a member's parts.

etcd listens on sockets in the member's private directory: no port to clash, and nobody else on the machine
can read a member's store around its API server.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devcluster.certificates import Credentials
from devcluster.ports import LOOPBACK

ETCD_SOCKET, PEER_SOCKET = "etcd.sock", "peer.sock"


@dataclass(frozen=True)
class Layout:
    """What the parts of one member share; parts run in `directory`, so socket paths stay short."""

    name: str
    directory: Path
    kubeconfig: Path
    credentials: Credentials
    port: int


def arguments(part: str, layout: Layout) -> list[str]:
    """The arguments of one part, after the path of its binary."""
    match part:
        case "etcd":
            return _etcd(layout)
        case "kube-apiserver":
            return _apiserver(layout)
        case "kube-controller-manager":
            return [
                *_controller(layout),
                f"--service-account-private-key-file={layout.credentials.service_account_key}",
                f"--root-ca-file={layout.credentials.ca}",
            ]
        case "kube-scheduler":
            return _controller(layout)
        case _:
            return _kwok(layout)


def fake_node(name: str) -> dict[str, Any]:
    """A node that KWOK keeps ready, with room for a small cluster's pods."""
    size = {"cpu": "32", "memory": "64Gi", "pods": "1000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "status": {"capacity": size, "allocatable": size},
    }


def _etcd(layout: Layout) -> list[str]:
    # Advertised addresses must look like host:port, but a lone member never dials them.
    advertised = "http://localhost:2380"
    return [
        f"--name={layout.name}",
        f"--data-dir={layout.directory / 'etcd'}",
        f"--listen-client-urls=unix://{ETCD_SOCKET}",
        f"--listen-peer-urls=unix://{PEER_SOCKET}",
        f"--advertise-client-urls={advertised}",
        f"--initial-advertise-peer-urls={advertised}",
        f"--initial-cluster={layout.name}={advertised}",
        # Data survives the death of any process, not of the machine.
        "--unsafe-no-fsync",
        "--enable-grpc-gateway=false",
        "--log-level=warn",
    ]


def _apiserver(layout: Layout) -> list[str]:
    files = layout.credentials
    return [
        f"--etcd-servers=unix://{ETCD_SOCKET}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        f"--secure-port={layout.port}",
        f"--tls-cert-file={files.serving_certificate}",
        f"--tls-private-key-file={files.serving_key}",
        f"--client-ca-file={files.ca}",
        f"--token-auth-file={files.tokens}",
        f"--service-account-key-file={files.service_account_key}",
        f"--service-account-signing-key-file={files.service_account_key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--authorization-mode=RBAC",
        # Without a controller that makes service accounts, this plugin would refuse every pod.
        "--disable-admission-plugins=ServiceAccount",
        # A loopback address is no valid endpoint of the service `kubernetes`; nothing here needs one.
        "--endpoint-reconciler-type=none",
        # One user, who is also the one measuring: no queues between them and the store.
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=0",
        "--max-mutating-requests-inflight=0",
        "--profiling=false",
    ]


def _controller(layout: Layout) -> list[str]:
    return [
        f"--kubeconfig={layout.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]


def _kwok(layout: Layout) -> list[str]:
    return [
        f"--kubeconfig={layout.kubeconfig}",
        # Without this it would read what the user keeps at home for other clusters.
        f"--config={Path(__file__).with_name('kwok.yaml')}",
        "--manage-all-nodes=true",
        # A KWOK that is started again waits for the lease of the one before.
        "--node-lease-duration-seconds=10",
    ]
