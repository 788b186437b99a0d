"""The one place that turns an expected failure into Temporal's terms: its type decides its retry."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, TemporalError

from argosy.errors import ArgosyError, NotEstablished, Transient

MAX_MESSAGE_CHARS = 1000
# A CRD is usually established within a second or two of being applied.
NOT_ESTABLISHED_DELAY = timedelta(seconds=1)
BUG_ATTEMPTS = 4

P = ParamSpec("P")
R = TypeVar("R")


def to_application_error(error: ArgosyError) -> ApplicationError:
    """Express `error` for Temporal: category as type, retryability, and the server's own delay if any."""
    delay: timedelta | None = None
    if isinstance(error, NotEstablished):
        delay = NOT_ESTABLISHED_DELAY
    elif isinstance(error, Transient) and error.retry_after is not None:
        delay = timedelta(seconds=error.retry_after)
    return ApplicationError(
        str(error)[:MAX_MESSAGE_CHARS],
        type=error.category,
        non_retryable=not error.retryable,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN,
    )


def temporal_errors(run: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Map failures at the edge of an activity; an unexpected one is retried a few times, then surfaced."""

    @functools.wraps(run)
    async def mapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await run(*args, **kwargs)
        except ArgosyError as error:
            # Without its cause: the server keeps only 4 KiB of a pending activity's failure, chain and stack included.
            raise to_application_error(error) from None
        except TemporalError:
            raise
        except Exception as error:
            # Unlimited retries would hide a programming error behind what looks like slowness.
            raise ApplicationError(
                f"unexpected {type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS],
                type="Internal",
                non_retryable=activity.info().attempt >= BUG_ATTEMPTS,
            ) from error

    return mapped
