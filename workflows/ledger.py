"""The bounded ledger of revisions: what `history` shows, whatever Temporal's retention."""

from __future__ import annotations

from datetime import datetime

from argosy.api.messages import Submission
from argosy.api.propagation import LEDGER_LENGTH, LEDGER_TEMPLATE_BYTES, LedgerEntry, PropagationState


def opened(state: PropagationState, *, template: str) -> tuple[LedgerEntry, ...]:
    """The ledger with an entry for the current revision, if it has none yet."""
    if state.ledger and state.ledger[-1].revision == state.revision:
        return state.ledger
    entry = LedgerEntry(
        revision=state.revision,
        digest=state.digest,
        submitted_by=state.submitted_by,
        submitted_at=state.submitted_at,
        reason=state.reason,
        template=template,
    )
    return bounded((*state.ledger, entry))


def recorded(state: PropagationState) -> tuple[LedgerEntry, ...]:
    """The ledger with the current revision's entry brought up to date."""
    if not state.ledger or state.ledger[-1].revision != state.revision:
        return state.ledger
    entry = state.ledger[-1].model_copy(
        update={
            "result": str(state.phase),
            "placement": {name: target.replicas for name, target in sorted(state.targets.items())},
            "passes": state.pass_number,
        }
    )
    return (*state.ledger[:-1], entry)


def superseded(
    ledger: tuple[LedgerEntry, ...], submission: Submission, *, revision: int, at: datetime
) -> tuple[LedgerEntry, ...]:
    """The ledger with an entry for a template that was replaced before it was ever applied."""
    entry = LedgerEntry(
        revision=revision,
        digest=submission.digest,
        submitted_by=submission.submitted_by,
        submitted_at=at,
        reason=submission.comment,
        result="Superseded",
        template=submission.template,
    )
    return bounded((*ledger, entry))


def bounded(ledger: tuple[LedgerEntry, ...]) -> tuple[LedgerEntry, ...]:
    """Keep the last entries, and templates from the newest back until their budget is spent."""
    kept: list[LedgerEntry] = []
    budget = LEDGER_TEMPLATE_BYTES
    for entry in reversed(ledger[-LEDGER_LENGTH:]):
        budget -= len(entry.template or "")
        kept.append(entry if budget >= 0 else entry.model_copy(update={"template": None}))
    return tuple(reversed(kept))
