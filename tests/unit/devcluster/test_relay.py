"""A relay passes on, drops, refuses and delays, for connections that exist as for new ones."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devcluster.ports import LOOPBACK, free_port
from devcluster.relay import Relay, kubeconfig_through


class Echo:
    """A server that sends everything back, and remembers what has reached it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.heard = b""
        self._listener = socket.create_server((LOOPBACK, self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while data := connection.recv(1024):
                self.heard += data
                connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def relay(echo: Echo) -> Iterator[Relay]:
    with Relay(echo.port) as started:
        yield started


def dial(relay: Relay) -> socket.socket:
    return socket.create_connection((LOOPBACK, relay.port), timeout=2)


def say(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(1024)


def test_it_passes_on_both_ways_and_the_end_too(relay: Relay, echo: Echo) -> None:
    with dial(relay) as connection:
        assert say(connection, b"hello") == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024) == b""
    assert echo.heard == b"hello"


def test_what_is_dropped_hangs_and_arrives_late(relay: Relay, echo: Echo) -> None:
    with dial(relay) as before:
        assert say(before, b"1") == b"1"
        relay.black_hole()
        before.settimeout(0.3)
        with pytest.raises(TimeoutError):
            say(before, b"2")
        with dial(relay) as during:
            during.settimeout(0.3)
            with pytest.raises(TimeoutError):
                say(during, b"3")
            assert echo.heard == b"1"
            relay.forward()
            before.settimeout(2)
            during.settimeout(2)
            assert before.recv(1024) == b"2"
            assert during.recv(1024) == b"3"


def test_what_a_client_has_sent_that_gave_up_arrives_all_the_same(relay: Relay, echo: Echo) -> None:
    with dial(relay) as connection:
        assert say(connection, b"1") == b"1"
        relay.black_hole()
        connection.sendall(b"late")
    time.sleep(0.2)
    assert echo.heard == b"1"
    relay.forward()
    deadline = time.monotonic() + 10
    while echo.heard != b"1late":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_refusing_breaks_off_what_there_is_and_takes_nothing_new(relay: Relay) -> None:
    with dial(relay) as connection:
        assert say(connection, b"1") == b"1"
        relay.refuse()
        with suppress(ConnectionError):
            assert connection.recv(1024) == b""
        with pytest.raises(ConnectionRefusedError):
            dial(relay)
        relay.forward()
        with dial(relay) as again:
            assert say(again, b"2") == b"2"


def test_a_dropping_relay_can_refuse_and_a_refusing_one_can_drop(relay: Relay) -> None:
    relay.black_hole()
    with dial(relay) as hanging:
        relay.refuse()
        with suppress(ConnectionError):
            assert hanging.recv(1024) == b""
    relay.black_hole()
    with dial(relay) as hanging:
        hanging.settimeout(0.2)
        with pytest.raises(TimeoutError):
            say(hanging, b"1")
        relay.forward()
        hanging.settimeout(2)
        assert hanging.recv(1024) == b"1"


def test_a_delay_holds_up_each_way(relay: Relay) -> None:
    relay.forward(delay=0.15)
    with dial(relay) as connection:
        began = time.monotonic()
        assert say(connection, b"1") == b"1"
        assert time.monotonic() - began >= 0.3
        relay.forward()
        began = time.monotonic()
        assert say(connection, b"2") == b"2"
        assert time.monotonic() - began < 0.3


def test_where_nobody_is_behind_the_connection_is_broken_off(echo: Echo) -> None:
    with Relay(free_port()) as relay, dial(relay) as connection, suppress(ConnectionError):
        assert connection.recv(1024) == b""


def test_closing_twice_or_before_the_start_is_nothing(echo: Echo) -> None:
    relay = Relay(echo.port)
    relay.close()
    relay = Relay(echo.port).start()
    relay.close()
    relay.close()
    with pytest.raises(ConnectionRefusedError):
        dial(relay)


def test_a_kubeconfig_leads_through_it(relay: Relay, tmp_path: Path) -> None:
    plain = {
        "current-context": "m",
        "clusters": [{"name": "m", "cluster": {"server": "https://127.0.0.1:1"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(plain))
    made = kubeconfig_through(relay, kubeconfig=tmp_path / "kubeconfig", to=tmp_path / "through")
    config = json.loads(made.read_text())
    assert config["clusters"][0]["cluster"]["server"] == f"https://{LOOPBACK}:{relay.port}"
    assert config["current-context"] == "m"
    assert made.stat().st_mode & 0o777 == 0o600
