"""One call of one script in a Lua state of its own, which holds nothing that could reach out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

from lupa import lua51  # type: ignore[import-untyped]  # it has no types

from argosy.api.behaviour import Behaviour
from argosy.interpreter.lua import kube
from argosy.interpreter.lua.tables import Budget, Unfit, settled, to_json

LARGEST_ANSWER = 4 * 2**20
"""Bytes; an object may hold 1.5 MiB in Kubernetes."""
STATE_MEMORY = 64 * 2**20
_BYTECODE = "\x1b"
_LONGEST_MESSAGE = 500
_PRELUDE = files(__package__).joinpath("prelude.lua").read_text(encoding="utf-8")


class ScriptFault(Exception):
    """The script does not load, fails, or answers what it may not; the message is one sentence without its end."""


def run(
    script: str,
    function: str | None,
    arguments: Sequence[Any],
    *,
    results: int,
    part_of: str | None,
    behaviour: Behaviour,
) -> list[Any]:
    """Load `script` and call its global `function`: its first `results` values, padded with None.

    With `part_of` the answer stands for that field of the arguments, and not for a whole one. Without a function
    the script is only compiled, and not run.

    Raises:
        ScriptFault: see there.
    """
    library = _Library(behaviour)
    try:
        runtime = _runtime(library)
        loaded = _loaded(runtime, script)
        if function is None:
            return []
        loaded()
        found = _called(runtime, function, arguments)
        budget = Budget(LARGEST_ANSWER)
        plain = [to_json(value, budget) for value in found[:results]]
        plain += [None] * (results - len(plain))
        references = [_part(argument, part_of) for argument in arguments]
        return [settled(value, references) for value in plain]
    except Unfit as unfit:
        raise ScriptFault(f"the answer {unfit}") from None
    except MemoryError:
        raise ScriptFault(f"it needs more than {STATE_MEMORY >> 20} MiB") from None
    except RecursionError:
        raise ScriptFault("its values are nested too deep") from None
    except UnicodeError:
        raise ScriptFault("it holds text that is not UTF-8") from None
    except lua51.LuaError as error:
        raise ScriptFault(_sentence(error)) from None
    finally:
        # State and library hold each other in a way that Python's collector does not see.
        library.close()


def _runtime(library: _Library) -> Any:
    runtime = lua51.LuaRuntime(
        register_eval=False,
        register_builtins=False,
        attribute_filter=_no_attribute,
        overflow_handler=float,
        max_memory=STATE_MEMORY,
    )
    library.open(runtime)
    runtime.compile(_PRELUDE, name="=prelude")(library.table())
    return runtime


def _no_attribute(_holder: object, name: object, _setting: bool) -> str:
    raise AttributeError(f"{name!r} is out of reach")


def _loaded(runtime: Any, script: str) -> Any:
    # Lua 5.1 runs what was compiled elsewhere without looking at it, and can be made to do anything by it.
    if script.startswith(_BYTECODE):
        raise ScriptFault("it is not text")
    return runtime.compile(script, name="=script")


def _called(runtime: Any, function: str, arguments: Sequence[Any]) -> tuple[Any, ...]:
    target = runtime.globals()[function]
    kind = lua51.lua_type(target)
    if kind != "function":
        raise ScriptFault(f"it defines no function {function}")
    found = target(*(_to_lua(runtime, argument) for argument in arguments))
    return found if isinstance(found, tuple) else (found,)


def _to_lua(runtime: Any, value: Any) -> Any:
    return runtime.table_from(value, recursive=True) if isinstance(value, dict | list) else value


def _part(argument: Any, field: str | None) -> Any:
    if field is None:
        return argument
    return argument.get(field) if isinstance(argument, dict) else None


def _sentence(error: BaseException) -> str:
    message = str(error).partition("\nstack traceback:")[0].removeprefix("error loading code: ")
    return message.strip()[:_LONGEST_MESSAGE] or "it raised an error without a message"


class _Library:
    """The kube library as Lua calls it: never raising, because an exception would be an object within reach."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._functions = kube.functions(behaviour)
        self._runtime: Any = None

    def open(self, runtime: Any) -> None:
        self._runtime = runtime

    def close(self) -> None:
        self._runtime = None

    def table(self) -> Any:
        """The functions by name; each takes the number of its arguments first, because nils at the end get lost."""
        called: dict[str, Callable[..., Any]] = {
            name: partial(self._call, function) for name, function in self._functions.items()
        }
        return self._runtime.table_from(called)

    def _call(self, function: kube.Function, count: int, *given: Any) -> Any:
        try:
            budget = Budget(LARGEST_ANSWER)
            plain = [settled(to_json(value, budget), ()) for value in given[:count]]
            answer = {"value": function(*plain, *[None] * (count - len(plain)))}
        except Unfit as unfit:
            answer = {"problem": f"an argument {unfit}"}
        except kube.Misuse as misuse:
            answer = {"problem": str(misuse)}
        except (MemoryError, RecursionError, ValueError) as error:
            answer = {"problem": type(error).__name__}
        return self._runtime.table_from(answer, recursive=True)
