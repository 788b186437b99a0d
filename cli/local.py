"""Bringing the local environment up and telling how to use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from activities.connection import connect, initialise
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import ClusterSettings
from argosy.config import Settings
from argosy.errors import NotFound, Unreachable
from cli.membership import joined
from cli.output import console, plain, styled, table
from cli.session import Session
from devcluster.build import MissingBinary
from devcluster.emulated.fleet import NOTICE
from devcluster.environment import Environment
from devcluster.member import CONTROLLED
from devcluster.places import in_ci
from devcluster.ports import DEFAULT_PORT, DEFAULT_UI_PORT

CONNECT_SECONDS = 20.0
JOINING_AT_ONCE = 16
# As many as there would be real ones.
EMULATED_INSTEAD = 3


async def bring_up(
    *,
    encrypt: bool,
    progress: Callable[[str], None],
    environment: Environment | None = None,
    emulated: int = 0,
    parts: Sequence[str] = CONTROLLED,
    port: int = DEFAULT_PORT,
    ui_port: int = DEFAULT_UI_PORT,
) -> Environment:
    """Start what is not running, set up the namespace, and join the members.

    Args:
        emulated: how many emulated members to have instead of real ones.
        parts: what each member consists of, where the environment is new.
        port, ui_port: Temporal's, where it has not started yet.

    Raises:
        ArgosyError: a part did not start; what did start is stopped again.
    """
    local = environment or Environment()
    await asyncio.to_thread(
        lambda: local.up(
            parts=parts, emulated=emulated, port=port, ui_port=ui_port, encrypt=encrypt, progress=progress
        )
    )
    session = await session_of(local)
    await initialise(session.client)
    progress("starting the worker")
    loop = asyncio.get_running_loop()

    def polls() -> bool:
        return asyncio.run_coroutine_threadsafe(_polls(session), loop).result()

    await asyncio.to_thread(local.start_worker, ready=polls)
    if local.encrypted:
        progress("starting the codec server, so that the UI can show payloads")
        await asyncio.to_thread(local.start_codec_server)
    settings = _settings_of(local)
    progress(f"joining {', '.join(settings) if len(settings) < 8 else f'{len(settings)} clusters'}")
    gate = asyncio.Semaphore(JOINING_AT_ONCE)

    async def join(name: str) -> None:
        async with gate:
            await joined(session, name, settings[name], timeout=60)

    await asyncio.gather(*(join(name) for name in settings))
    return local


async def bring_up_or_emulate(
    *,
    encrypt: bool,
    emulated: int,
    progress: Callable[[str], None],
    warn: Callable[[str], None],
    parts: Sequence[str] = CONTROLLED,
    port: int = DEFAULT_PORT,
    ui_port: int = DEFAULT_UI_PORT,
) -> Environment:
    """`bring_up`; where no binary of a real member can be had, emulated ones are the last resort, and said to be.

    Raises:
        MissingBinary: as said, in CI, which must not pass without real members, and where there are some already.
        ArgosyError: a part did not start.
    """
    environment = Environment()
    fresh = not environment.exists()
    bring = partial(
        bring_up, encrypt=encrypt, progress=progress, environment=environment, port=port, ui_port=ui_port
    )
    try:
        await bring(emulated=emulated, parts=parts)
    except MissingBinary as error:
        if not fresh or in_ci():
            raise
        environment.down()
        warn(str(error))
        await bring(emulated=EMULATED_INSTEAD)
    if environment.emulated is not None:
        warn(NOTICE)
    return environment


def _settings_of(local: Environment) -> dict[str, ClusterSettings]:
    """With which settings each member joins."""
    members = {member.name: member for member in local.members}
    found = {
        spec.name: ClusterSettings(
            connection=ConnectionReference(kubeconfig=str(members[spec.name].kubeconfig), context=spec.name),
            region=spec.region,
            zones=(spec.zone,),
            provider=spec.provider,
        )
        for spec in local.specs
    }
    emulated = local.emulated
    for number, name in enumerate(emulated.names if emulated is not None else ()):
        kubeconfig = str(emulated.kubeconfig(name)) if emulated is not None else ""
        found[name] = ClusterSettings(
            connection=ConnectionReference(kubeconfig=kubeconfig, context=name),
            region=f"region-{number % 4}",
            zones=(f"region-{number % 4}-{number % 3}",),
            provider="emulated",
        )
    return found


async def session_of(environment: Environment) -> Session:
    """A session with the local environment, once its Temporal answers."""
    settings = Settings(encryption_keys=environment.key_ring if environment.encrypted else None)
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            client = await connect(settings, address=environment.temporal.address)
            return Session(client, settings)
        except Unreachable:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)


def environment_hint(environment: Environment) -> str:
    """What a person needs to use the environment."""
    exports = "".join(f"export {name}={value}\n" for name, value in environment.variables().items())
    sealed = (
        "encrypted; the UI shows them on this machine"
        if environment.encrypted
        else "not encrypted (use --encrypt to seal them)"
    )
    return (
        f"\nTemporal UI: {environment.temporal.ui_url}\n"
        f"Payloads are {sealed}.\n\n{exports}\n"
        "Try: argosy cluster list\n"
    )


def kill_member(name: str) -> None:
    """SIGKILL a member's API server, and wait until it is gone.

    Raises:
        NotFound: no environment is up, it has no such member, or that one does not run.
    """
    environment = Environment()
    if not environment.exists():
        raise NotFound("no local environment is up; start one with `argosy dev up`")
    members = {member.name: member for member in environment.members}
    if name not in members:
        raise NotFound(f"there is no cluster {name}; name one of {', '.join(members)}")
    if "kube-apiserver" not in members[name].processes:
        raise NotFound(f"{name} does not run; `argosy dev up` starts it")
    members[name].kill()


def status_page() -> int:
    """The table of `argosy dev status`; fails where something is not running."""
    parts = Environment().status()
    if not parts:
        console().print("no local environment is up; start one with `argosy dev up`", markup=False)
        return 1
    grid = table("part", "status", "memory", "address")
    for part in parts:
        memory = f"{part.memory >> 20} MB" if part.memory else ""
        grid.add_row(part.name, styled("Ready" if part.running else "NotReady"), memory, plain(part.address))
    console().print(grid)
    sealed = Environment().encrypted
    console().print(f"payloads are {'encrypted' if sealed else 'not encrypted'}", markup=False)
    return 0 if all(part.running for part in parts) else 1


async def _polls(session: Session) -> bool:
    try:
        await session.require_worker()
    except Unreachable:
        return False
    return True
