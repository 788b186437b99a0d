"""Small private files and locks."""

from __future__ import annotations

import threading
from pathlib import Path

from devcluster.ports import free_port, is_free
from devcluster.records import alone, read_record, write_private, write_record


def test_records_are_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_record(path) == {}
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o644)
    write_record(path, {"port": 1})
    assert read_record(path) == {"port": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    write_private(path, b'{"port": 2}')
    assert read_record(path) == {"port": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_only_one_holds_a_lock_and_the_other_is_told(tmp_path: Path) -> None:
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        with alone(tmp_path / "lock", waiting=waits.set):
            order.append("second")

    with alone(tmp_path / "lock", waiting=lambda: order.append("first waits")):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(5)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_free_ports_are_outside_the_range_of_outgoing_connections() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 1
    assert all(20000 <= port < 30000 for port in ports)
    assert is_free(ports.pop())
