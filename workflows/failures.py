"""What a failed activity had to say, without the wrapping of Temporal."""

from __future__ import annotations

from temporalio.exceptions import ActivityError, ApplicationError, FailureError


def message_of(error: FailureError) -> str:
    """The sentence for the user."""
    cause = _cause(error)
    return cause.message if isinstance(cause, ApplicationError) else str(cause)


def category_of(error: FailureError, *, default: str = "Internal") -> str:
    """The type of the failure (`argosy.errors`); `default` where it has none."""
    cause = _cause(error)
    return (cause.type if isinstance(cause, ApplicationError) else "") or default


def _cause(error: FailureError) -> BaseException:
    """A local activity's failure arrives bare, that of a regular one as the cause of another."""
    return (error.cause or error) if isinstance(error, ActivityError) else error
