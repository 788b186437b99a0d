"""What the steps of the demo share: the environment, the application, and how they tell of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from argosy.api.manifest import ResourceRef
from cli.documents import Batch
from cli.observing import Observed
from cli.output import console
from cli.session import Session
from cli.targets import settled
from cli.waiting import wait_for
from devcluster.environment import Environment
from devcluster.member import Member

STEP_TIMEOUT = 60.0
FRONTEND = "/apis/apps/v1/namespaces/guestbook/deployments/frontend"


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


async def until_settled(stage: Stage, revisions: dict[ResourceRef, int]) -> list[Observed]:
    """Wait until every template is applied, or needs a person."""
    return await wait_for(
        stage.session,
        list(revisions),
        done=lambda observed: settled(observed, revision=revisions[observed.status.ref]),
        timeout=STEP_TIMEOUT,
    )


def images(stage: Stage) -> None:
    """What the clusters themselves say, asked of their API servers."""
    for name, member in stage.members.items():
        found = frontend_of(member)
        if found is not None:
            container = found["spec"]["template"]["spec"]["containers"][0]
            say(f"  {name}: frontend {container['image']}, {found['spec']['replicas']} replicas")


def frontend_of(member: Member) -> dict[str, Any] | None:
    """The frontend as a member has it."""
    status, body = member.request("GET", FRONTEND)
    found: dict[str, Any] | None = json.loads(body) if status == 200 else None
    return found


def pause() -> None:
    """Let who watches read on."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        sys.stdout.write("\n[Enter to go on] ")
        sys.stdout.flush()
        sys.stdin.readline()


def heading(text: str) -> None:
    """Begin a step."""
    console().print(f"\n[bold]▶ {text}[/bold]")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell what is seen."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
