"""Ports on the loopback interface that stay free between a stop and the next start."""

from __future__ import annotations

import secrets
import socket

from argosy.errors import ArgosyError

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 7233
"""Of Temporal; its own default too."""
DEFAULT_UI_PORT = 8233
# Below what kernels hand to outgoing connections (32768 on Linux, 49152 on macOS): from that range a port
# could be in use by any client at the moment its server wants it back.
_LOWEST, _COUNT = 20000, 10000
_TRIES = 100


def free_port() -> int:
    """A port that nothing listens on now.

    Raises:
        ArgosyError: a hundred random ports were all taken.
    """
    for _ in range(_TRIES):
        port = _LOWEST + secrets.randbelow(_COUNT)
        if is_free(port):
            return port
    raise ArgosyError(f"no free port was found above {_LOWEST}; stop some servers on this machine")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True
