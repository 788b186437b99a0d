"""`argosy demo`: a real application on three real clusters, told step by step."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, ref_of
from argosy.errors import NotFound
from cli.documents import Batch
from cli.local import bring_up, session_of
from cli.observing import Observed
from cli.output import console
from cli.session import Session
from cli.targets import settled, status_table
from cli.waiting import wait_for
from devcluster.environment import Environment
from devcluster.member import Member

EXAMPLE = Path("examples") / "guestbook"
STEP_TIMEOUT = 60.0
RETRIES_SHOWN = 2


@dataclass
class Stage:
    """What the steps of the demo share."""

    session: Session
    environment: Environment
    batch: Batch
    members: dict[str, Member]

    @property
    def frontend(self) -> dict[str, Any]:
        """The template that the steps change."""
        return next(
            t
            for t in self.batch.templates
            if t["metadata"]["name"] == "frontend" and t["kind"] == "Deployment"
        )


async def demonstrate(*, keep: bool, progress: Callable[[str], None]) -> int:
    """Show the main job from nothing to clean-up.

    Raises:
        NotFound: the example is not here.
        ArgosyError: a part did not start, or a step did not come to its end.
    """
    example = _example()
    started = time.monotonic()
    existed = Environment().exists()
    _heading("A local environment: real Temporal, three real API servers, a worker")
    environment = await bring_up(encrypt=False, progress=progress)
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
        if keep:
            _say(f"\nEverything is left running; the UI is at {environment.temporal.ui_url}.")
            _say("Stop it with `argosy dev down`.")
        else:
            await _delete(stage)
        _say(f"\nDone in {time.monotonic() - started:.0f} s.")
    finally:
        if not keep and not existed:
            _say("Stopping the local environment.")
            await asyncio.to_thread(environment.down)
    return 0


async def _apply(stage: Stage) -> None:
    _heading("argosy apply -f examples/guestbook: the order of the documents does not matter")
    for scope, policies in stage.batch.policies.items():
        await stage.session.edit_policies(scope, put=policies)
    revisions = await _submitted(stage, stage.batch.templates)
    observed = await _until_settled(stage, revisions)
    console().print(status_table(observed))
    _images(stage)
    ui = stage.environment.temporal.ui_url
    workflow = id_of(ref_of(stage.frontend)).replace("/", "%2F")
    _say(f"Each template is a durable workflow: {ui}/namespaces/default/workflows/{workflow}")
    _pause()


async def _change_image(stage: Stage) -> None:
    _heading("A new image for the frontend: a new revision, everywhere")
    changed = _with_image(stage.frontend, "docker.io/example/guestbook:1.1")
    began = time.monotonic()
    revisions = await _submitted(stage, [changed])
    observed = await _until_settled(stage, revisions)
    console().print(status_table(observed))
    _images(stage)
    _say(f"Updated in all clusters within {time.monotonic() - began:.2f} s, as seen from here.")
    _pause()


async def _kill_and_recover(stage: Stage) -> None:
    dead = stage.members["member3"]
    _heading(f"kill -9 of {dead.name}'s API server, then another image")
    await asyncio.to_thread(dead.kill)
    changed = _with_image(stage.frontend, "docker.io/example/guestbook:1.2")
    revisions = await _submitted(stage, [changed])
    ref = next(iter(revisions))

    def retrying(observed: Observed) -> bool:
        attempt = observed.attempts.get(dead.name)
        return attempt is not None and bool(attempt.message) and attempt.attempt > RETRIES_SHOWN

    observed = await wait_for(stage.session, [ref], done=retrying, timeout=STEP_TIMEOUT)
    console().print(status_table(observed))
    _say(f"{dead.name} is retried by Temporal; the others have the new image already.")
    _pause()
    _heading(f"{dead.name}'s API server is back")
    await asyncio.to_thread(lambda: dead.start(detach=True))
    console().print(status_table(await _until_settled(stage, revisions)))
    _images(stage)
    _pause()


async def _delete(stage: Stage) -> None:
    _heading("argosy delete -f examples/guestbook")
    for ref in stage.batch.refs:
        await stage.session.delete(ref, orphan=(), preserve=False)
    await wait_for(
        stage.session, stage.batch.refs, done=lambda observed: not observed.running, timeout=STEP_TIMEOUT
    )
    for scope, policies in stage.batch.policies.items():
        names = [(policy["kind"], policy["metadata"]["name"]) for policy in policies]
        await stage.session.edit_policies(scope, delete=names)
    left = [name for name, member in stage.members.items() if _frontend_of(member) is not None]
    _say(f"Deleted from every cluster; copies of the frontend left: {', '.join(left) or 'none'}.")


async def _submitted(stage: Stage, templates: Sequence[dict[str, Any]]) -> dict[ResourceRef, int]:
    revisions: dict[ResourceRef, int] = {}
    for result in await stage.session.submit_all(templates):
        if isinstance(result, Exception):
            raise result
        revisions[result.ref] = result.revision
    return revisions


async def _until_settled(stage: Stage, revisions: dict[ResourceRef, int]) -> list[Observed]:
    return await wait_for(
        stage.session,
        list(revisions),
        done=lambda observed: settled(observed, revision=revisions[observed.status.ref]),
        timeout=STEP_TIMEOUT,
    )


def _images(stage: Stage) -> None:
    """What the clusters themselves say, asked of their API servers."""
    for name, member in stage.members.items():
        found = _frontend_of(member)
        if found is not None:
            container = found["spec"]["template"]["spec"]["containers"][0]
            _say(f"  {name}: frontend {container['image']}, {found['spec']['replicas']} replicas")


def _frontend_of(member: Member) -> dict[str, Any] | None:
    import json

    status, body = member.request("GET", "/apis/apps/v1/namespaces/guestbook/deployments/frontend")
    found: dict[str, Any] | None = json.loads(body) if status == 200 else None
    return found


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


def _pause() -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        sys.stdout.write("\n[Enter to go on] ")
        sys.stdout.flush()
        sys.stdin.readline()


def _heading(text: str) -> None:
    console().print(f"\n[bold]▶ {text}[/bold]")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
