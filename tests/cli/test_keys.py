"""`argosy keys` on files; what asks Temporal is in tests/crash/test_rotation.py."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from tests.cli.runs import Run, argosy

NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}


def keys(*words: object) -> Run:
    return argosy("keys", *map(str, words), **NOWHERE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "keys.json"
    assert keys("generate", made, "--id", "first").code == 0
    return made


def test_a_ring_is_made_for_its_owner_only_and_never_overwritten(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = keys("generate", file)
    assert again.code == 4
    assert "argosy keys rotate" in again.error
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]


def test_a_rotation_keeps_the_old_key_and_shows_no_key(file: Path) -> None:
    old = json.loads(file.read_text())["keys"]["first"]
    prepared = keys("rotate", file, "--id", "second", "--prepare")
    assert prepared.code == 0
    assert json.loads(file.read_text())["active"] == "first"
    done = keys("rotate", file, "--id", "second")
    assert "second is active" in done.out
    content = json.loads(file.read_text())
    assert (content["active"], content["keys"]["first"]) == ("second", old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for output in ("table", "json", "yaml", "name"):
        shown = keys("list", file, "-o", output)
        assert shown.code == 0
        for secret in content["keys"].values():
            assert secret not in shown.out + shown.err + prepared.out + done.out
        assert shown.out.index("second") < shown.out.index("first")
    listed = {item["id"]: item for item in json.loads(keys("list", file, "-o", "json").out)}
    assert listed["second"]["active"]
    assert listed["second"]["activated"].endswith("Z")
    assert not listed["first"]["active"]


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.with_name("link.json")
    link.symlink_to(file)
    assert keys("rotate", link, "--id", "second").code == 0
    assert link.is_symlink()
    assert json.loads(file.read_text())["active"] == "second"


def test_rotations_at_once_lose_no_key(file: Path) -> None:
    threads = [threading.Thread(target=keys, args=("rotate", file, "--id", f"k{n}")) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(json.loads(file.read_text())["keys"]) == {"first", "k0", "k1", "k2"}


def test_an_old_key_is_not_removed_unless_runs_were_looked_at(file: Path) -> None:
    assert keys("rotate", file, "--id", "second").code == 0
    before = file.read_bytes()
    refused = keys("retire", file, "first")
    assert refused.code == 1
    assert "Temporal does not answer" in refused.error
    assert file.read_bytes() == before
    assert keys("retire", file, "second", "--unchecked").code == 4
    assert keys("retire", file, "first", "--unchecked", "--dry-run").code == 0
    assert file.read_bytes() == before
    assert keys("retire", file, "first", "--unchecked").code == 0
    assert set(json.loads(file.read_text())["keys"]) == {"second"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("list", "/no/such/keys.json"), 2, "No such file"),
        (("rotate", "/no/such/keys.json"), 2, "No such file"),
        (("generate", "/no/such/keys.json"), 2, "No such file"),
        (("generate", "/dev/null/keys.json"), 2, "Not a directory"),
        (("list", "pyproject.toml"), 2, "is not a key ring"),
        (("retire", "pyproject.toml", "x"), 2, "is not a key ring"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_mistakes_are_said(words: tuple[str, ...], code: int, said: str) -> None:
    run = keys(*words)
    assert run.code == code
    assert said in run.error
