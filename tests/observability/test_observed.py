"""A real installation does real work, and tells of it: metrics, traces, logs, and what is built on them."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.member import Member
from devcluster.ports import free_port
from devcluster.temporal import TemporalServer
from tests.cli.runs import ROOT, argosy, write
from tests.observability.collector import Collector, collecting
from tests.plant import Plant, deployment, placing_everything

pytestmark = pytest.mark.timeout(300)

SPACE = f"observed-{secrets.token_hex(3)}"
SERIES = re.compile(r"^(?P<name>[a-z_:]+)(\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)
NAME = re.compile(r"\b(?:argosy|temporal)_[a-z_]+\b")


@dataclass
class Told:
    """What the installation has told of its work.

    Attributes:
        log: lines of the worker.
    """

    metrics: str
    collector: Collector
    log: list[str]

    def samples(self, name: str, **labels: str) -> dict[str, float]:
        """Labels as text -> value."""
        found = {}
        for one in SERIES.finditer(self.metrics):
            given = dict(re.findall(r'(\w+)="([^"]*)"', one["labels"] or ""))
            if one["name"] == name and labels.items() <= given.items():
                found[one["labels"] or ""] = float(one["value"])
        return found

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        return sum(self.samples(name, **labels).values())


@pytest.fixture(scope="module")
def told(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    directory = tmp_path_factory.mktemp("observed")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    listen = f"127.0.0.1:{free_port()}"
    with collecting() as collector:
        plant = Plant(
            directory=directory,
            temporal=server,
            members=members,
            environment={
                "ARGOSY_METRICS_LISTEN": listen,
                "ARGOSY_LOG_FORMAT": "json",
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            },
        )
        asyncio.run(plant.set_up())
        try:
            work(plant, collector, directory, scrape=lambda: scraped(listen))
            metrics = scraped(listen)
            lines = (directory / "worker.log").read_text().splitlines()
            yield Told(metrics=metrics, collector=collector, log=lines)
        finally:
            assert plant.worker is not None
            plant.worker.stop()
            server.stop()


def scraped(listen: str) -> str:
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "nothing of the sort happened within a minute"
        time.sleep(0.2)


def work(plant: Plant, collector: Collector, directory: Path, *, scrape: Callable[[], str]) -> None:
    """Apply, change, meddle, fail, move away, delete."""

    def run(*words: str, code: int = 0) -> None:
        done = argosy(
            *words, TEMPORAL_ADDRESS=plant.temporal.address, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
        )
        assert done.code == code, done.err

    web = write(directory / "web.yaml", *placing_everything(SPACE), deployment("web", SPACE))
    run("apply", "-f", web, "--wait")
    changed = write(directory / "changed.yaml", deployment("web", SPACE, "nginx:2"))
    run("apply", "-f", changed, "--wait")
    path = f"/apis/apps/v1/namespaces/{SPACE}/deployments/web"
    plant.members[0].request("PATCH", path, {"spec": {"replicas": 7}}, content="application/merge-patch+json")
    until(lambda: 'argosy_drift_corrections_total{cluster="member1",outcome="corrected"}' in scrape())
    broken = deployment("broken", SPACE)
    broken["spec"]["selector"]["matchLabels"] = {"app": "another"}
    run("apply", "-f", write(directory / "broken.yaml", broken), "--wait", code=1)
    run("cluster", "failover", "member2", "--now")
    until(lambda: "argosy_evictions_total{" in scrape())
    run("cluster", "recover", "member2", "--yes")
    run("delete", "-f", web)
    until(lambda: "argosy_removal_attempts_total{" in scrape())
    run("delete", "deployment", "broken", "-n", SPACE)


class TestMetrics:
    def test_copies_are_counted_by_what_became_of_them(self, told: Told) -> None:
        for member in ("member1", "member2", "member3"):
            attempts = "argosy_apply_attempts_total"
            assert told.total(attempts, cluster=member, outcome="created") == 1, member
            assert told.total(attempts, cluster=member, outcome="updated") >= 1, member
            assert told.total(attempts, cluster=member, outcome="Rejected") >= 1, member
        assert told.total("argosy_removal_attempts_total", outcome="deleted") >= 3

    def test_what_others_did_and_what_moved_is_counted(self, told: Told) -> None:
        assert told.total("argosy_drift_corrections_total", cluster="member1", outcome="corrected") >= 1
        assert told.total("argosy_evictions_total", cluster="member2", cause="TaintUntolerated") >= 1
        assert told.total("argosy_evictions_total", cluster="member1") == 0

    def test_each_stage_is_measured_in_seconds(self, told: Told) -> None:
        assert told.total("argosy_plan_duration_seconds_count") >= 3
        assert told.total("argosy_apply_duration_seconds_count", outcome="created") == 3
        assert told.total("argosy_propagation_duration_seconds_count") == 2
        for stage in ("plan", "apply", "propagation"):
            name = f"argosy_{stage}_duration_seconds"
            mean = told.total(f"{name}_sum") / told.total(f"{name}_count")
            assert 0.0001 < mean < 20, name

    def test_the_health_of_clusters_is_told(self, told: Told) -> None:
        for member in ("member1", "member2", "member3"):
            assert told.total("argosy_cluster_ready", cluster=member) == 1
            assert told.total("argosy_probes_total", cluster=member, result="ok") > 3
            assert told.total("argosy_probe_duration_seconds_count", cluster=member) > 3
        assert told.total("argosy_observations_sent_total") >= 1
        assert told.total("argosy_observations_queued") >= 0

    def test_the_sdk_tells_of_its_queues_at_the_same_endpoint(self, told: Told) -> None:
        assert told.total("temporal_worker_task_slots_available") > 0
        assert told.total("temporal_workflow_task_schedule_to_start_latency_seconds_count") > 0

    def test_the_page_names_what_there_is(self, told: Told) -> None:
        page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
        written = set(re.findall(r"^\| `(argosy_[a-z_]+)` \|", page, re.MULTILINE))
        there = set(re.findall(r"^# TYPE (argosy_[a-z_]+) ", told.metrics, re.MULTILINE))
        assert written == there


def expressions(manifest: Any) -> Iterator[str]:
    """Every expression anywhere in a dashboard or in rules."""
    if isinstance(manifest, dict):
        for key, value in manifest.items():
            if key in {"expr", "query"} and isinstance(value, str):
                yield value
            yield from expressions(value)
    elif isinstance(manifest, list):
        for one in manifest:
            yield from expressions(one)


class TestWhatIsBuiltOnThem:
    @pytest.mark.parametrize("name", ["grafana/argosy.json", "prometheus/alerts.yaml"])
    def test_every_name_is_one_that_is_served(self, told: Told, name: str) -> None:
        manifest = yaml.safe_load((ROOT / "deploy" / name).read_text(encoding="utf-8"))
        used = {found for text in expressions(manifest) for found in NAME.findall(text)}
        served = {one["name"] for one in SERIES.finditer(told.metrics)}
        assert len(used) >= 4
        assert used <= served

    def test_every_alert_says_what_to_do(self) -> None:
        manifest = yaml.safe_load(
            (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
        )
        rules = [rule for group in manifest["groups"] for rule in group["rules"]]
        for rule in rules:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert {"summary", "description"} <= rule["annotations"].keys()

    def test_the_dashboard_is_whole(self) -> None:
        board = json.loads((ROOT / "deploy" / "grafana" / "argosy.json").read_text(encoding="utf-8"))
        panels = board["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert all(panel["targets"] for panel in panels)


class TestTraces:
    def test_command_workflow_and_activity_share_one_trace(self, told: Told) -> None:
        first, second = told.collector.named("argosy apply")[:2]
        assert first.trace != second.trace
        for command in (first, second):
            inside = [span for span in told.collector.spans if span.trace == command.trace]
            services = {span.name: span.service for span in inside}
            assert services["argosy apply"] == "argosy"
            assert services["RunWorkflow:Propagation"] == "argosy-worker"
            assert services["RunActivity:plan"] == "argosy-worker"
            applied = [span for span in inside if span.name.startswith("apply ")]
            assert {span.attributes["argosy.cluster"] for span in applied} == {
                "member1",
                "member2",
                "member3",
            }

    def test_a_regular_activity_is_part_of_it(self, told: Told) -> None:
        broken = told.collector.named("argosy apply")[2]
        names = {span.name for span in told.collector.spans if span.trace == broken.trace}
        assert "RunActivity:apply" in names

    def test_no_span_holds_a_manifest(self, told: Told) -> None:
        assert not any(
            "nginx" in value for span in told.collector.spans for value in span.attributes.values()
        )


class TestLogs:
    def test_every_line_is_one_object(self, told: Told) -> None:
        assert told.log
        for line in told.log:
            assert {"time", "level", "logger", "message"} <= json.loads(line).keys(), line
        assert any(json.loads(line)["message"].startswith("polling ") for line in told.log)
