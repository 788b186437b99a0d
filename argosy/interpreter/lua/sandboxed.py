"""The process that runs scripts: `python -m argosy.interpreter.lua.sandboxed`, spoken to over its standard streams.

It ends when its input does. Whatever a script manages to break, the kernel stops: time and memory are limited, and
no file, socket or process can be opened. The limit on time ends the process, because nothing else reliably ends a
loop inside Lua's own functions.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any, BinaryIO

from argosy.interpreter.lua import frames
from argosy.interpreter.lua.state import ScriptFault, run

SECONDS = 1.0
"""Of wall-clock time, for loading, calling and answering."""
_CPU_SECONDS = 2  # the kernel counts whole ones; this is for a clock that was set
_ADDRESS_SPACE = 512 * 2**20  # the interpreter and its libraries take 90 MiB of it


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _take_streams()
    # Whatever is imported at first use would not be found later, when no file can be opened.
    _warm_up()
    _limit()
    _send(answers, frames.frame({"ready": True}))
    while (header := requests.read(frames.HEADER)) and len(header) == frames.HEADER:
        body = requests.read(frames.length(header))
        _start_clock()
        answer = _framed(_answer(body))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


def _send(answers: BinaryIO, answer: bytes) -> None:
    answers.write(answer)
    answers.flush()


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep the standard streams for requests and answers only, out of reach of what else would use them."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return requests, answers


def _warm_up() -> None:
    template = "{spec = {containers = {{resources = {requests = {cpu = '1'}}}}, serviceAccountName = 'a'}}"
    script = f"""
        local kube = require('kube')
        function Warm(object)
          pcall(kube.resourceAdd, 'x')
          pcall(kube.resourceAdd, '\\255')
          local template = {template}
          return os.date(), kube.accuratePodRequirements(template), kube.getPodDependencies(template, 'a')
        end
    """
    run(script, "Warm", [{"a": []}], results=3, part_of=None, behaviour="karmada")
    for broken in ("function", "error()"):
        _answer(frames.frame({"script": broken, "function": "Warm", "arguments": []})[frames.HEADER :])


def _limit() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    for limited, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limited, (value, value))
    if sys.platform == "linux":  # elsewhere it cannot be set below what the system itself has mapped
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))


def _start_clock() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (spent + _CPU_SECONDS + 1, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)


def _answer(body: bytes) -> dict[str, Any]:
    try:
        return {"results": _results(frames.content(body))}
    except ScriptFault as fault:
        return {"fault": str(fault)}
    except Exception as error:  # noqa: BLE001  one script must not end the process for the next
        return {"fault": f"it cannot be run ({type(error).__name__})"}


def _results(asked: dict[str, Any]) -> list[Any]:
    return run(
        asked["script"],
        asked["function"],
        asked["arguments"],
        results=asked.get("results", 1),
        part_of=asked.get("partOf"),
        behaviour=asked.get("behaviour", "argosy"),
    )


def _framed(answer: dict[str, Any]) -> bytes:
    try:
        return frames.frame(answer)
    except (ValueError, RecursionError, MemoryError):
        return frames.frame({"fault": "the answer cannot be written as JSON"})


if __name__ == "__main__":
    main()
