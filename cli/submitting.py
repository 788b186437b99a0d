"""A template on its way to its entity: how that begins, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, canonical_json, ref_of
from argosy.api.messages import Submission, Submitted
from argosy.api.plan import Plan
from argosy.api.propagation import PropagationInput, PropagationState
from cli.connection import new_id


@dataclass(frozen=True)
class Accepted:
    """A template that Temporal has taken."""

    ref: ResourceRef
    workflow_id: str
    revision: int
    action: str


@dataclass(frozen=True)
class FirstRun:
    """A template as its entity would begin, and as an existing one would be handed it."""

    ref: ResourceRef
    start: PropagationInput
    submission: Submission

    @property
    def answer(self) -> Submitted:
        """What the submission is told where it begins the entity."""
        return self.start.state.answers[self.submission.request_id]


@dataclass(frozen=True)
class Inheritance:
    """What a template goes on from that another entity of it had before, in this installation or in another.

    Attributes:
        predecessor: the installation whose copies are taken over; empty is this one.
        revision: the last one that was submitted there.
        plan: the last decision, with the policy as this installation knows it.
    """

    predecessor: str
    revision: int
    plan: Plan | None


def first_run(manifest: dict[str, Any], *, actor: str, inherits: Inheritance | None) -> FirstRun:
    """How the entity of a template begins.

    Args:
        actor: who submits it.
        inherits: what it begins with, where it does not begin from nothing.
    """
    text = canonical_json(manifest).decode()
    submission = Submission(
        template=text,
        digest=sha256(text.encode()).hexdigest(),
        request_id=new_id(),
        submitted_by=actor,
        predecessor=inherits.predecessor if inherits else "",
    )
    ref = ref_of(manifest)
    revision = inherits.revision + 1 if inherits else 1
    state = PropagationState(
        ref=ref,
        revision=revision,
        plan=inherits.plan if inherits else None,
        policy=inherits.plan.policy if inherits and inherits.plan else None,
        predecessor=submission.predecessor,
        # The clusters are asked what they hold: copies may have moved since this was written down.
        unrecorded=inherits is not None,
        digest=submission.digest,
        submitted_by=actor,
        submitted_at=datetime.now(UTC),
        # Whichever run takes the submission knows whether it was begun by it.
        answers={submission.request_id: Submitted(revision=revision, changed=True, created=True)},
    )
    return FirstRun(ref, PropagationInput(template=text, state=state, together=True), submission)


def accepted(first: FirstRun, answer: Submitted) -> Accepted:
    """What became of a submission."""
    action = "created" if answer.created else "configured" if answer.changed else "unchanged"
    return Accepted(ref=first.ref, workflow_id=id_of(first.ref), revision=answer.revision, action=action)
