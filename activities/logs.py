"""How the worker and `argosy serve` log: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from temporalio import activity, workflow

from argosy.config import Settings

TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"
# What loggers may say of a line by `extra`, and what is found out from where the line was written.
FIELDS = ("propagation", "cluster", "run", "activity", "attempt")
_ABOUT_CLUSTER = re.compile(r"(?:apply|remove|correct)/(?P<cluster>.+)/\d+")


def set_up(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Log from now on as the settings say, to standard error unless told otherwise."""
    handler = logging.StreamHandler(stream or sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(JsonLines())
        # What they would add to the sentence is in fields of its own.
        activity.logger.activity_info_on_message = False
        workflow.logger.workflow_info_on_message = False
    else:
        handler.setFormatter(logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """`time`, `level`, `logger`, `message`, and where they are known `propagation`, `cluster`, `run` and more."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in the message."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_place(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _place(record: logging.LogRecord) -> dict[str, Any]:
    """Where a line was written, and what it is about."""
    found = _context(record)
    found |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
    return {name: found[name] for name in FIELDS if found.get(name)}


def _context(record: logging.LogRecord) -> dict[str, Any]:
    """What Temporal knows: from the line where its own logger wrote it, else from the task that is running."""
    in_activity: Mapping[str, Any] | None = getattr(record, "temporal_activity", None)
    in_workflow: Mapping[str, Any] | None = getattr(record, "temporal_workflow", None)
    if in_activity is not None:
        return _fields(
            in_activity.get("workflow_id"),
            in_activity.get("workflow_run_id"),
            in_activity.get("activity_id"),
            in_activity.get("activity_type"),
            in_activity.get("attempt"),
        )
    if in_workflow is not None:
        return _fields(in_workflow.get("workflow_id"), in_workflow.get("run_id"))
    if activity.in_activity():
        info = activity.info()
        return _fields(
            info.workflow_id, info.workflow_run_id, info.activity_id, info.activity_type, info.attempt
        )
    if workflow.in_workflow():
        about = workflow.info()
        return _fields(about.workflow_id, about.run_id)
    return {}


def _fields(
    workflow_id: str | None,
    run_id: str | None,
    activity_id: str | None = None,
    activity_type: str | None = None,
    attempt: int | None = None,
) -> dict[str, Any]:
    entity, _, name = (workflow_id or "").partition("/")
    found: dict[str, Any] = {"run": run_id, "activity": activity_type, "attempt": attempt}
    if entity == "propagation":
        found["propagation"] = workflow_id
        about = _ABOUT_CLUSTER.fullmatch(activity_id or "")
        found["cluster"] = about["cluster"] if about else None
    elif entity == "cluster":
        found["cluster"] = name
    return found
