"""`argosy demo`: a real application on three real clusters, told step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, ref_of
from argosy.errors import NotFound
from cli.demo_failover import fail_over
from cli.demo_stage import STEP_TIMEOUT, Stage, frontend_of, heading, images, pause, say, until_settled
from cli.documents import Batch
from cli.local import bring_up, session_of
from cli.observing import Observed
from cli.output import console
from cli.targets import status_table
from cli.waiting import wait_for
from devcluster.environment import Environment
from devcluster.member import FULL

EXAMPLE = Path("examples") / "guestbook"
RETRIES_SHOWN = 2


async def demonstrate(*, keep: bool, progress: Callable[[str], None]) -> int:
    """Show the main job from nothing to clean-up.

    Raises:
        NotFound: the example is not here.
        ArgosyError: a part did not start, or a step did not come to its end.
    """
    example = _example()
    started = time.monotonic()
    existed = Environment().exists()
    heading("A local environment: real Temporal, three real API servers, a worker")
    environment = await bring_up(encrypt=False, progress=progress, parts=FULL)
    try:
        stage = Stage(
            session=await session_of(environment),
            environment=environment,
            batch=Batch.read([str(example)], recursive=False, namespace=None),
            members={member.name: member for member in environment.members},
        )
        await _apply(stage)
        await _change_image(stage)
        await _kill_and_recover(stage)
        await fail_over(stage)
        if keep:
            say(f"\nEverything is left running; the UI is at {environment.temporal.ui_url}.")
            say("Stop it with `argosy dev down`.")
        else:
            await _delete(stage)
        say(f"\nDone in {time.monotonic() - started:.0f} s.")
    finally:
        if not keep and not existed:
            say("Stopping the local environment.")
            await asyncio.to_thread(environment.down)
    return 0


async def _apply(stage: Stage) -> None:
    heading("argosy apply -f examples/guestbook: the order of the documents does not matter")
    for scope, policies in stage.batch.policies.items():
        await stage.session.edit_policies(scope, put=policies)
    revisions = await _submitted(stage, stage.batch.templates)
    observed = await until_settled(stage, revisions)
    console().print(status_table(observed))
    images(stage)
    ui = stage.environment.temporal.ui_url
    workflow = id_of(ref_of(stage.frontend)).replace("/", "%2F")
    say(f"Each template is a durable workflow: {ui}/namespaces/default/workflows/{workflow}")
    pause()


async def _change_image(stage: Stage) -> None:
    heading("A new image for the frontend: a new revision, everywhere")
    changed = _with_image(stage.frontend, "docker.io/example/guestbook:1.1")
    began = time.monotonic()
    revisions = await _submitted(stage, [changed])
    observed = await until_settled(stage, revisions)
    console().print(status_table(observed))
    images(stage)
    say(f"Updated in all clusters within {time.monotonic() - began:.2f} s, as seen from here.")
    pause()


async def _kill_and_recover(stage: Stage) -> None:
    dead = stage.members["member3"]
    heading(f"kill -9 of {dead.name}'s API server, then another image")
    await asyncio.to_thread(dead.kill)
    changed = _with_image(stage.frontend, "docker.io/example/guestbook:1.2")
    revisions = await _submitted(stage, [changed])
    ref = next(iter(revisions))

    def retrying(observed: Observed) -> bool:
        attempt = observed.attempts.get(dead.name)
        return attempt is not None and bool(attempt.message) and attempt.attempt > RETRIES_SHOWN

    observed = await wait_for(stage.session, [ref], done=retrying, timeout=STEP_TIMEOUT)
    console().print(status_table(observed))
    say(f"{dead.name} is retried by Temporal; the others have the new image already.")
    pause()
    heading(f"{dead.name}'s API server is back")
    await asyncio.to_thread(lambda: dead.start(detach=True))
    console().print(status_table(await until_settled(stage, revisions)))
    images(stage)
    pause()


async def _delete(stage: Stage) -> None:
    heading("argosy delete -f examples/guestbook")
    for ref in stage.batch.refs:
        await stage.session.delete(ref, orphan=(), preserve=False)
    await wait_for(
        stage.session, stage.batch.refs, done=lambda observed: not observed.running, timeout=STEP_TIMEOUT
    )
    for scope, policies in stage.batch.policies.items():
        names = [(policy["kind"], policy["metadata"]["name"]) for policy in policies]
        await stage.session.edit_policies(scope, delete=names)
    left = [name for name, member in stage.members.items() if frontend_of(member) is not None]
    say(f"Deleted from every cluster; copies of the frontend left: {', '.join(left) or 'none'}.")


async def _submitted(stage: Stage, templates: Sequence[dict[str, Any]]) -> dict[ResourceRef, int]:
    revisions: dict[ResourceRef, int] = {}
    for result in await stage.session.submit_all(templates):
        if isinstance(result, Exception):
            raise result
        revisions[result.ref] = result.revision
    return revisions


def _with_image(template: dict[str, Any], image: str) -> dict[str, Any]:
    import copy

    changed = copy.deepcopy(template)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def _example() -> Path:
    beside = Path(__file__).resolve().parent.parent / EXAMPLE
    for place in (EXAMPLE, beside):
        if place.is_dir():
            return place
    raise NotFound(f"{EXAMPLE} is not here; run the demo from a checkout of the repository")
