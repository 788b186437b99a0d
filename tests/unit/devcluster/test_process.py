"""Children are tied to their parent or recorded; strangers are never signalled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.process import Identity, cpu_seconds, memory, spawn, start_time

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
# Ignores SIGTERM, and says so once it does.
STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('on', flush=True); time.sleep(600)",
]


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Identity]:
    child = spawn(SLEEP, log=tmp_path / "log")
    yield child
    child.kill()


def wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in (path.read_text(encoding="utf-8") if path.exists() else ""):
        assert time.monotonic() < deadline, f"{text!r} never came"
        time.sleep(0.01)


def test_output_directory_and_environment_are_as_asked(tmp_path: Path) -> None:
    log, place = tmp_path / "logs" / "log", tmp_path / "place"
    place.mkdir()
    program = (
        "import os, sys; print(os.getcwd(), os.environ['ANSWER'], len(os.environ)); sys.stderr.write('!')"
    )
    child = spawn(
        [sys.executable, "-I", "-S", "-c", program],
        log=log,
        directory=place,
        environment={"ANSWER": "42", "LC_CTYPE": "C.UTF-8"},
    )
    assert child.wait(10)
    assert log.read_text(encoding="utf-8") == f"{place} 42 2\n!"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_child_is_alive_until_it_is_stopped(sleeper: Identity) -> None:
    assert sleeper.alive()
    assert not sleeper.wait(0)
    sleeper.stop()
    assert not sleeper.alive()
    assert start_time(sleeper.pid) == ""
    sleeper.stop()


def test_a_frozen_child_can_be_stopped(sleeper: Identity) -> None:
    sleeper.send(signal.SIGSTOP)
    sleeper.stop()
    assert not sleeper.alive()


def test_a_child_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = spawn(STUBBORN, log=tmp_path / "log")
    wait_for(tmp_path / "log", "on")
    child.send(signal.SIGTERM)
    assert not child.wait(0.2)
    child.stop(grace=0.1)
    assert not child.alive()


def test_grandchildren_end_with_their_group(tmp_path: Path) -> None:
    program = (
        f"import subprocess; print(subprocess.Popen({SLEEP!r}).pid, flush=True); import time; time.sleep(600)"
    )
    child = spawn([sys.executable, "-c", program], log=tmp_path / "log")
    wait_for(tmp_path / "log", "\n")
    pid = int((tmp_path / "log").read_text(encoding="utf-8"))
    grandchild = Identity(pid, start_time(pid))
    assert grandchild.alive()
    child.kill()
    assert grandchild.wait(5)


def test_a_stranger_with_the_same_process_id_is_left_alone(sleeper: Identity) -> None:
    mistaken = Identity(sleeper.pid, started="long ago")
    assert not mistaken.alive()
    mistaken.stop()
    mistaken.kill()
    assert sleeper.alive()
    assert not Identity(sleeper.pid, started="").alive()


def test_a_command_that_does_not_exist_ends_with_its_reason_in_the_log(tmp_path: Path) -> None:
    child = spawn([tmp_path / "missing"], log=tmp_path / "log")
    assert child.wait(10)
    assert "FileNotFoundError" in (tmp_path / "log").read_text(encoding="utf-8")


def test_memory_and_time_are_of_the_child(sleeper: Identity) -> None:
    # The moment it becomes another program it has none.
    deadline = time.monotonic() + 10
    while not memory(sleeper.pid):
        assert time.monotonic() < deadline
    assert memory(sleeper.pid) < memory(os.getpid())
    assert cpu_seconds(os.getpid()) > 0
    sleeper.kill()
    assert memory(sleeper.pid) == 0
    assert cpu_seconds(sleeper.pid) == 0


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
@pytest.mark.parametrize("ending", ["kill -9", "Ctrl-C", "return"])
@pytest.mark.parametrize("detach", [False, True], ids=["tied", "detached"])
def test_only_detached_children_outlive_their_parent(tmp_path: Path, ending: str, detach: bool) -> None:
    program = textwrap.dedent(
        f"""
        import json, signal, sys, time
        from pathlib import Path
        from threading import Thread
        from devcluster.process import spawn
        # A shell that starts the tests in the background has them ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        def start():
            child = spawn({SLEEP!r}, log=Path({str(tmp_path / "log")!r}), detach={detach})
            print(json.dumps(vars(child)), flush=True)
        # The thread that asks for a child may end long before the program does.
        thread = Thread(target=start)
        thread.start()
        thread.join()
        if {ending != "return"}:
            time.sleep(600)
        sys.stdin.readline()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        child = Identity(**json.loads(parent.stdout.readline()))
        try:
            assert not child.wait(0.2)
            if ending == "return":
                parent.communicate("\n")
            else:
                os.killpg(parent.pid, signal.SIGKILL if ending == "kill -9" else signal.SIGINT)
            parent.wait(10)
            assert child.wait(0.3 if detach else 5) is not detach
        finally:
            child.kill()
            parent.kill()
