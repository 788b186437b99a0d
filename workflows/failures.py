"""What a failed activity had to say, without the wrapping of Temporal."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    RetryState,
    is_cancelled_exception,
)


def message_of(error: FailureError) -> str:
    """The sentence for the user."""
    cause = _cause(error)
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def category_of(error: FailureError, *, default: str = "Internal") -> str:
    """The type of the failure (`argosy.errors`); `default` where it has none."""
    cause = _cause(error)
    return (cause.type if isinstance(cause, ApplicationError) else "") or default


def was_called_back(error: FailureError) -> bool:
    """Whether an activity ended because its workflow wanted it to, however it ended.

    One whose worker is dead does not hear of it; the server lets it time out, and does not try it again.
    """
    if is_cancelled_exception(error):
        return True
    unheard = isinstance(error, ActivityError) and error.retry_state == RetryState.CANCEL_REQUESTED
    # Earlier releases took that for a failure for good.
    return unheard and workflow.patched("unheard-calls-back-are-no-failures")


def _cause(error: FailureError) -> BaseException:
    """A local activity's failure arrives bare, that of a regular one as the cause of another."""
    return (error.cause or error) if isinstance(error, ActivityError) else error
