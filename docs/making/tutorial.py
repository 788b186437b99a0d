"""Playing the tutorial: every command of the page is run, and its output put where the page shows it.

A block of `console` holds commands (`$ …`), each with its output. A comment right above it says more:

    <!-- until: EXPRESSION -->         look again until the last command's output matches
    <!-- picture: NAME.svg -->         its output is drawn, not written
    <!-- page: NAME.png PATH TEXT -->  (alone) a page of Temporal's UI, once it shows the texts
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.places import inherited

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
WIDTH = 120
PATIENCE = 120.0
"""Seconds until what is waited for has to be seen."""
_BLOCK = re.compile(
    r"(?P<marks>(?:<!-- (?:until|picture): [^\n]* -->\n)*)```console\n(?P<body>.*?)```\n"
    r"|<!-- page: (?P<page>\S+) (?P<path>\S+) (?P<texts>[^\n]*) -->\n",
    re.DOTALL,
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MARK = re.compile(r"<!-- (until|picture): (.*) -->")


class Failed(AssertionError):
    """A command of the tutorial did not do what the page says."""


Picture = Callable[[str, str], None]
"""Gets the name of a picture, and a command's output with its colours."""
PageOf = Callable[[str, str, str], None]
"""Gets the name of a picture, the address of a page, and the texts that it has to show."""


@dataclass
class Player:
    """Runs the commands in a place of their own.

    Attributes:
        state: an empty directory, where the local environment lives.
        settings: variables for every command, and for the worker that one of them starts.
    """

    state: Path
    picture: Picture = field(default=lambda _name, _output: None)
    page: PageOf = field(default=lambda _name, _url, _texts: None)
    settings: Mapping[str, str] = field(default_factory=dict)
    _variables: dict[str, str] = field(default_factory=dict)
    _ui: str = ""

    def play(self, text: str) -> str:
        """The page with the outputs of today.

        Raises:
            Failed: a command failed, or what is waited for did not come.
        """
        return _BLOCK.sub(self._block, text)

    def end(self) -> None:
        """Take the local environment down, if the tutorial has not."""
        self._run("argosy dev down")

    def _block(self, block: re.Match[str]) -> str:
        if block["page"]:
            self.page(block["page"], self._ui + block["path"], block["texts"])
            return block[0]
        marks = dict(_MARK.findall(block["marks"]))
        commands = list(_commands(block["body"]))
        shown = []
        for command in commands:
            wanted = marks if command == commands[-1] else {}
            picture = wanted.get("picture", "")
            output = self._clean(self._seen(command, wanted.get("until", ""), drawn=bool(picture)))
            if picture:
                self.picture(picture, output)
            shown.append(f"$ {command}\n" + ("" if picture else output))
        return f"{block['marks']}```console\n{''.join(shown)}```\n"

    def _seen(self, command: str, until: str, *, drawn: bool) -> str:
        """What a command prints, once that is what is waited for; with its colours where it is to be drawn."""
        deadline = time.monotonic() + PATIENCE
        while True:
            code, output = _in_terminal(command, self._environment()) if drawn else self._run(command)
            if code != 0:
                raise Failed(f"{command} ended with {code}: {output}")
            if re.search(until, _COLOUR.sub("", output), re.MULTILINE):
                return output
            if time.monotonic() > deadline:
                raise Failed(f"{command} does not show {until!r}, but: {output}")
            # Some of it is there for three seconds only, of which a command takes two on a slow machine.
            time.sleep(0.1)

    def _run(self, command: str) -> tuple[int, str]:
        if command.startswith("export "):
            return 0, ""
        # Whatever else runs on this machine keeps the usual ports.
        actual = re.sub(r"^argosy dev up", "argosy dev up --port 0 --ui-port 0", command)
        done = subprocess.run(
            ["bash", "-c", actual],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if actual != command:
            self._variables = dict(re.findall(r"^export (\w+)=(.*)$", done.stdout, re.MULTILINE))
            self._ui = "".join(re.findall(r"^Temporal UI: (.*)$", done.stdout, re.MULTILINE))
        return done.returncode, done.stdout

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in inherited().items()
            if not name.startswith(("TEMPORAL_", "ARGOSY_", "OTEL_"))
        }
        path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
        ours = {"PATH": path, "XDG_STATE_HOME": str(self.state), "LOGNAME": "ada", "TERM": "xterm-256color"}
        return kept | ours | dict(self.settings) | self._variables

    def _clean(self, output: str) -> str:
        """The output as a reader gets it: usual ports, own directories, no blanks at the ends of lines."""
        known = {
            self._variables.get("TEMPORAL_ADDRESS", "-"): "127.0.0.1:7233",
            self._ui or "-": "http://127.0.0.1:8233",
            str(self.state): "~/.local/state",
        }
        for actual, usual in known.items():
            output = output.replace(actual, usual) if actual != "-" else output
        return "".join(f"{line.rstrip()}\n" for line in output.splitlines())


def _in_terminal(command: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """How a command ends in a terminal, and what it prints there, with its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):  # how it says that nobody writes
        while part := terminal.read(65536):
            printed += part
    return process.wait(), printed.decode().replace("\r\n", "\n")


def _commands(body: str) -> Iterator[str]:
    return (line.removeprefix("$ ") for line in body.splitlines() if line.startswith("$ "))
