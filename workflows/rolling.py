"""Continuing as new, the same way for every entity."""

from __future__ import annotations

from typing import NoReturn

from temporalio import workflow

from argosy.api.record import Record
from workflows import options


def roll(argument: Record) -> NoReturn:
    """Begin the next run with what is published now.

    By default it would begin with the memo and the search attributes of the very first start, and lists and
    `describe` would show those until the run publishes.
    """
    workflow.continue_as_new(
        argument,
        task_timeout=options.TASK_TIMEOUT,
        memo=dict(workflow.memo()),
        search_attributes=workflow.info().typed_search_attributes,
    )
