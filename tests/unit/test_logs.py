"""Lines for programs: what they are about is in fields, whoever wrote them and from where."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.activity import Info
from temporalio.testing import ActivityEnvironment

from activities import logs
from argosy.config import Settings, traces_wanted
from cli.runtime import command_words


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root, written = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    activity.logger.activity_info_on_message = True
    workflow.logger.workflow_info_on_message = True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_whatever_it_says(stream: io.StringIO) -> None:
    logs.set_up(Settings(log_format="json"), stream=stream)
    logging.getLogger("a.b").warning("two\nlines of %s", "é\u2028")
    try:
        int("bad")
    except ValueError:
        logging.getLogger("a.b").exception("went wrong")
    first, second = lines(stream)
    assert first["time"].endswith("+00:00")
    assert (first["level"], first["logger"], first["message"]) == ("warning", "a.b", "two\nlines of é\u2028")
    assert "ValueError: invalid literal" in second["exception"]
    assert "propagation" not in first


def test_text_is_for_people(stream: io.StringIO) -> None:
    logs.set_up(Settings(), stream=stream)
    logging.getLogger("a.b").info("said")
    assert stream.getvalue().rstrip().endswith("INFO a.b said")


@pytest.mark.parametrize("own", [True, False], ids=["temporal's logger", "any logger"])
async def test_a_line_of_an_activity_says_what_it_is_about(stream: io.StringIO, own: bool) -> None:
    logs.set_up(Settings(log_format="json"), stream=stream)
    environment = ActivityEnvironment()
    environment.info = _info("propagation/shop/Deployment.apps/web", "apply/paris/3")

    def act() -> None:
        (activity.logger if own else logging.getLogger("plain")).info("tried")

    environment.run(act)
    (line,) = lines(stream)
    assert line["message"] == "tried"
    assert line["propagation"] == "propagation/shop/Deployment.apps/web"
    assert (line["cluster"], line["run"], line["attempt"]) == ("paris", "run-1", 2)


async def test_a_line_about_a_cluster_names_it(stream: io.StringIO) -> None:
    logs.set_up(Settings(log_format="json"), stream=stream)
    environment = ActivityEnvironment()
    environment.info = _info("cluster/paris", "1")
    environment.run(lambda: logging.getLogger("plain").info("looked"))
    logging.getLogger("plain").info("told", extra={"propagation": "propagation/x", "cluster": "oregon"})
    first, second = lines(stream)
    assert (first["cluster"], "propagation" in first) == ("paris", False)
    assert (second["propagation"], second["cluster"]) == ("propagation/x", "oregon")


def _info(workflow_id: str, activity_id: str) -> Info:
    return dataclasses.replace(
        ActivityEnvironment.default_info(),
        workflow_id=workflow_id,
        workflow_run_id="run-1",
        activity_id=activity_id,
        attempt=2,
    )


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_off_unless_a_collector_is_named(environ: dict[str, str], wanted: bool) -> None:
    assert traces_wanted(environ) is wanted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["apply", "-f", "secret.yaml"], ("apply",)),
        (["cluster", "join", "paris"], ("cluster", "join")),
        ([], ()),
    ],
)
def test_a_span_is_named_by_the_command_alone(arguments: list[str], words: tuple[str, ...]) -> None:
    assert command_words(arguments) == words
