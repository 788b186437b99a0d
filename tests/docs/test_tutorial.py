"""The tutorial is played from its first command to its last, on real clusters."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.making.tutorial import PAGE, Player


@pytest.mark.temporal
@pytest.mark.timeout(900)
def test_every_command_does_what_the_page_says(full_binaries: dict[str, Path], tmp_path: Path) -> None:
    assert full_binaries
    pictures: dict[str, str] = {}
    # By default the countdown that the page shows lasts three seconds, which a slow machine may miss between two looks.
    player = Player(tmp_path, picture=pictures.__setitem__, settings={"ARGOSY_FAILOVER_AFTER": "12"})
    text = PAGE.read_text(encoding="utf-8")
    try:
        played = player.play(text)
    finally:
        player.end()
    assert [line for line in played.splitlines() if line.startswith("$ ")] == [
        line for line in text.splitlines() if line.startswith("$ ")
    ]
    assert "local environment stopped" in played
    assert "1 propagation moves away" in pictures["countdown.svg"]
    assert "Moved away from member3" in pictures["history.svg"]
    assert list(pictures) == re.findall(r"<!-- picture: (\S+) -->", text)
    assert not (tmp_path / "argosy" / "dev").exists()
