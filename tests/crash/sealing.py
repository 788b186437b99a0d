"""What Temporal holds of every run, payload by payload, as anybody with read access to the namespace sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf.message import Message
from temporalio.api.common.v1 import Memo, Payload, SearchAttributes
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import MarkerRecordedEventAttributes
from temporalio.client import Client, WorkflowExecutionDescription

from activities.codec import ENCRYPTED

BOOKKEEPING = {"data", "patch-data"}
NOTED = {
    "seq",
    "attempt",
    "activity_id",
    "activity_type",
    "complete_time",
    "backoff",
    "original_schedule_time",
    "activation_index",
    "id",
    "deprecated",
}


def unsealed(message: Message, place: str) -> Iterator[str]:
    """Where there are payloads in clear, or failures that say something."""
    if isinstance(message, Payload):
        if message.metadata.get("encoding") != ENCRYPTED:
            yield f"{place}: {bytes(message.data)[:60]!r}"
        return
    if isinstance(message, SearchAttributes):
        # They are never encrypted; what they may hold is checked by name.
        return
    if isinstance(message, Failure) and message.source != "Server" and message.message != "Encoded failure":
        yield f"{place}: {message.message}"
    if isinstance(message, MarkerRecordedEventAttributes):
        # The SDK's own: which local activity or patch it was, and when; what came of it is beside it, sealed.
        copied = MarkerRecordedEventAttributes.FromString(message.SerializeToString())
        for key in BOOKKEEPING & copied.details.keys():
            noted = copied.details.pop(key).payloads
            assert all(json.loads(payload.data).keys() <= NOTED for payload in noted), noted
        message = copied
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if isinstance(value, Message):
            yield from unsealed(value, f"{place}.{descriptor.name}")
            continue
        for item in value.values() if hasattr(value, "values") else value:
            if isinstance(item, Message):
                yield from unsealed(item, f"{place}.{descriptor.name}")


async def everything_held(client: Client) -> tuple[list[str], set[str]]:
    """Places in clear in all runs of the namespace, and the sorts of things that were looked at."""
    clear: list[str] = []
    seen: set[str] = set()
    async for run in client.list_workflows():
        place = f"{run.id}/{run.run_id[:8]}"
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        async for event in handle.fetch_history_events():
            sort = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
            held = list(unsealed(event, f"{place}/{event.event_id} {sort}"))
            clear += held
            seen.add(sort)
        described = await handle.describe()
        clear += unsealed(described.raw_description, place)
        seen |= _sorts(described)
    return clear, seen


def _sorts(described: WorkflowExecutionDescription) -> set[str]:
    pending = described.raw_description.pending_activities
    memo: Memo = described.raw_info.memo
    return {
        name
        for name, there in (
            ("memo", bool(memo.fields)),
            ("heartbeat", any(one.HasField("heartbeat_details") for one in pending)),
            ("pending failure", any(one.HasField("last_failure") for one in pending)),
        )
        if there
    }
