"""The local Temporal server against its promises: it keeps everything through crashes, on the same ports."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities import attributes
from argosy.errors import Conflict
from devcluster.ports import free_port
from devcluster.temporal import NAMESPACE, SEARCH_ATTRIBUTES, TemporalServer


@pytest.fixture
def server(temporal_server: TemporalServer, tmp_path: Path) -> Iterator[TemporalServer]:
    """A server of the test's own; the shared one proves that there is a binary."""
    assert temporal_server.ready()
    own = TemporalServer(tmp_path / "own", search_attributes={"ArgosyPhase": "Keyword"})
    own.start()
    yield own
    own.stop()


def call(server: TemporalServer, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request to the server's HTTP API, whose port its record tells."""
    port = json.loads((server.directory / "temporal.json").read_text(encoding="utf-8"))["ports"]["http"]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/namespaces/{NAMESPACE}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def start_workflow(server: TemporalServer, workflow_id: str) -> str:
    body = {"workflowType": {"name": "Any"}, "taskQueue": {"name": "nobody"}}
    run_id: str = call(server, f"workflows/{workflow_id}", body)["runId"]
    return run_id


def running(server: TemporalServer, workflow_id: str) -> str:
    info = call(server, f"workflows/{workflow_id}")["workflowExecutionInfo"]
    assert info["status"] == "WORKFLOW_EXECUTION_STATUS_RUNNING"
    run_id: str = info["execution"]["runId"]
    return run_id


@pytest.mark.crash
@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_workflows_survive_on_the_same_address(server: TemporalServer, ending: str) -> None:
    address, ui, pid = server.address, server.ui_url, server.pid
    run_id = start_workflow(server, "kept")
    getattr(server, ending)()
    assert server.pid is None
    assert not server.ready()
    server.start()
    assert (server.address, server.ui_url) == (address, ui)
    assert server.pid != pid
    assert running(server, "kept") == run_id


def test_search_attributes_and_the_user_interface_are_there(server: TemporalServer) -> None:
    assert call(server, "search-attributes")["customAttributes"] == {
        "ArgosyPhase": "INDEXED_VALUE_TYPE_KEYWORD"
    }
    with urllib.request.urlopen(server.ui_url, timeout=10) as response:
        assert response.status == 200


def test_they_are_looked_up_anew_only_where_more_are_wanted_than_it_began_with(
    server: TemporalServer,
) -> None:
    def looks_anew(found: TemporalServer) -> bool:
        assert found.pid is not None
        arguments = Path(f"/proc/{found.pid}/cmdline").read_text(encoding="utf-8")
        return "forceSearchAttributesCacheRefreshOnRead=false" not in arguments

    assert not looks_anew(server)
    server.stop()
    upgraded = TemporalServer(server.directory)
    upgraded.start()
    assert looks_anew(upgraded)
    upgraded.stop()
    server.start()
    assert not looks_anew(server)


def test_those_of_argosy_are_there_from_the_first_start_on(temporal_server: TemporalServer) -> None:
    types = {
        "KEYWORD": "Keyword",
        "KEYWORD_LIST": "KeywordList",
        "INT": "Int",
    }
    wanted = {key.name: types[key.indexed_value_type.name] for key in attributes.ALL}
    assert wanted == SEARCH_ATTRIBUTES
    found = call(temporal_server, "search-attributes")["customAttributes"]
    assert found.keys() == SEARCH_ATTRIBUTES.keys()


def test_another_program_finds_and_stops_what_runs(server: TemporalServer) -> None:
    found = TemporalServer(server.directory)
    assert (found.pid, found.address, found.ready()) == (server.pid, server.address, True)
    assert found.memory() > 50e6
    found.start()
    assert found.pid == server.pid
    found.stop()
    assert server.pid is None


def test_a_taken_port_is_named_and_the_stranger_is_not_mistaken_for_it(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        server = TemporalServer(tmp_path / "second", port=port)
        with pytest.raises(Conflict, match=f"port {port}, wanted for Temporal's grpc, is in use"):
            server.start()
        assert server.pid is None


def test_headless_server_has_no_user_interface(temporal_server: TemporalServer) -> None:
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(temporal_server.ui_url, timeout=5)


def test_its_files_are_private(server: TemporalServer) -> None:
    assert server.directory.stat().st_mode & 0o777 == 0o700
    for path in (server.database, server.log):
        assert path.stat().st_mode & 0o777 == 0o600


def test_limits_are_those_of_a_production_database(temporal_server: TemporalServer) -> None:
    start_workflow(temporal_server, "x" * 255)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        start_workflow(temporal_server, "x" * 256)
