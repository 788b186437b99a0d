"""A real installation does real work, and tells of it: metrics, traces, logs, and what is built on them."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.member import Member
from devcluster.ports import LOOPBACK, free_port
from devcluster.temporal import TemporalServer
from tests.cli.runs import ROOT, argosy, write
from tests.observability.collector import Collector, collecting
from tests.observability.prometheus import RULES, Prometheus, scraping
from tests.plant import Plant, deployment, placing_everything
from tests.serve.alertmanager import TOKEN, Serve

pytestmark = pytest.mark.timeout(300)

SPACE = f"observed-{secrets.token_hex(3)}"
SERIES = re.compile(r"^(?P<name>[a-z_:]+)(\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)
NAME = re.compile(r"\b(?:argosy|temporal)_[a-z_]+\b")


@dataclass
class Told:
    """What the installation has told of its work.

    Attributes:
        metrics: of the worker, and of `argosy serve`.
        endpoints: host:port of each.
        log: lines of the worker.
    """

    metrics: str
    endpoints: list[str]
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
    listen, at_serve = (f"{LOOPBACK}:{free_port()}" for _ in range(2))
    serve = Serve(directory, temporal=server.address, ARGOSY_METRICS_LISTEN=at_serve)
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
            asyncio.run(serve.start())
            call(serve)
            metrics = scraped(listen) + scraped(at_serve)
            lines = (directory / "worker.log").read_text().splitlines()
            yield Told(metrics=metrics, endpoints=[listen, at_serve], collector=collector, log=lines)
        finally:
            if serve.process is not None:
                serve.process.stop()
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


def call(serve: Serve) -> None:
    """Alerts that steer, that nobody has a rule for, and that mean no cluster; and callers who may not, or get lost."""

    def alert(cluster: str, status: str, name: str = "KubeAPIDown") -> dict[str, Any]:
        labels = {"alertname": name, "cluster": cluster}
        times = {"startsAt": "2026-11-24T10:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
        return {
            "status": status,
            "labels": labels,
            "annotations": {},
            "fingerprint": f"{name}-{cluster}",
            **times,
        }

    def post(path: str, *alerts: dict[str, Any], token: str = TOKEN) -> int:
        body = json.dumps({"version": "4", "groupKey": "{}", "status": "firing", "alerts": alerts}).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{serve.url}{path}", body, headers)
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert (
        post("/alerts", alert("member3", "firing"), alert("member3", "firing"), alert("x", "firing", "Y"))
        == 200
    )
    assert post("/alerts", alert("member3", "resolved"), alert("nowhere", "firing")) == 200
    assert post("/alerts", alert("member3", "firing"), token="another") == 401
    assert post("/made-up") == 404


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

    def test_serve_tells_what_became_of_calls_and_alerts(self, told: Told) -> None:
        requests = "argosy_serve_requests_total"
        assert told.total(requests, endpoint="/alerts", code="200") == 2
        assert told.total(requests, endpoint="/alerts", code="401") == 1
        assert told.total(requests, endpoint="elsewhere", code="404") == 1
        assert told.total("argosy_serve_request_duration_seconds_count", endpoint="/alerts") == 3
        alerts = {"signalled": 2, "known already": 1, "no such cluster": 1}
        for result, count in alerts.items():
            assert told.total("argosy_alerts_total", rule="api-down", result=result) == count, result
        assert told.total("argosy_alerts_total", rule="", result="no rule") == 1
        for action in ("failover", "recover"):
            assert told.total("argosy_alert_signals_total", cluster="member3", action=action) == 1

    def test_the_page_names_what_there_is(self, told: Told) -> None:
        page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
        written = set(re.findall(r"^\| `(argosy_[a-z_]+)` \|", page, re.MULTILINE))
        there = set(re.findall(r"^# TYPE (argosy_[a-z_]+) ", told.metrics, re.MULTILINE))
        assert written == there


BOARD = json.loads((ROOT / "deploy" / "grafana" / "argosy.json").read_text(encoding="utf-8"))
ALERTS = [
    rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
]
SHOWN = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def prometheus(
    told: Told, prometheus_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """One that has scraped both processes some times."""
    directory = tmp_path_factory.mktemp("prometheus") / "prometheus"
    with scraping(prometheus_binary, directory, told.endpoints) as made:
        until(made.ready)
        until(lambda: len(made.result("sum_over_time(up[1m]) > 3")) == len(told.endpoints))
        yield made


class TestWhatIsBuiltOnThem:
    @pytest.mark.parametrize("expression", SHOWN)
    def test_every_panel_has_something_to_show(self, prometheus: Prometheus, expression: str) -> None:
        found = prometheus.result(expression)
        # No probe had to fail.
        assert bool(found) != ('result="failed"' in expression)

    @pytest.mark.parametrize("expression", [*SHOWN, *(rule["expr"] for rule in ALERTS)])
    def test_every_name_is_one_that_is_served(self, prometheus: Prometheus, expression: str) -> None:
        names = set(NAME.findall(expression))
        assert names
        for name in names:
            assert prometheus.ask("series", **{"match[]": name}), name

    def test_prometheus_evaluates_every_rule_and_nothing_is_wrong_here(self, prometheus: Prometheus) -> None:
        def rules() -> list[dict[str, Any]]:
            return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

        until(lambda: all(rule["health"] != "unknown" for rule in rules()))
        assert {rule["name"] for rule in rules()} == {rule["alert"] for rule in ALERTS}
        assert {rule["health"] for rule in rules()} == {"ok"}
        assert [rule["name"] for rule in rules() if rule["state"] == "firing"] == []

    def test_every_alert_says_what_to_do(self) -> None:
        for rule in ALERTS:
            assert rule["labels"]["severity"] in {"critical", "warning"}
            assert {"summary", "description"} <= rule["annotations"].keys()

    def test_the_dashboard_is_whole(self) -> None:
        panels = BOARD["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert all(panel["targets"] for panel in panels)


class TestAlerts:
    PLAYED = ROOT / "tests" / "observability" / "alerts_test.yaml"

    def test_the_rules_are_valid(self, promtool: Path) -> None:
        done = subprocess.run(
            [promtool, "check", "rules", RULES], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert f"{len(ALERTS)} rules found" in done.stdout

    def test_each_alert_fires_where_it_has_to_and_nowhere_else(self, promtool: Path) -> None:
        done = self.played(promtool, self.PLAYED)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_each_alert_is_played_firing_and_silent(self) -> None:
        played = yaml.safe_load(self.PLAYED.read_text(encoding="utf-8"))
        cases = [case for test in played["tests"] for case in test["alert_rule_test"]]
        for fires in (True, False):
            named = {case["alertname"] for case in cases if bool(case["exp_alerts"]) == fires}
            assert named == {rule["alert"] for rule in ALERTS}

    def test_a_rule_that_never_fires_would_be_noticed(self, promtool: Path, tmp_path: Path) -> None:
        for path in (RULES, self.PLAYED):
            (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True)
            shutil.copy(path, tmp_path / path.relative_to(ROOT))
        mute = tmp_path / RULES.relative_to(ROOT)
        mute.write_text(mute.read_text().replace("argosy_evictions_total", "argosy_eviction_total"))
        done = self.played(promtool, tmp_path / self.PLAYED.relative_to(ROOT))
        assert done.returncode != 0
        assert "ArgosyManyEvictions" in done.stdout + done.stderr

    @staticmethod
    def played(promtool: Path, file: Path) -> subprocess.CompletedProcess[str]:
        command = [str(promtool), "test", "rules", str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)


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
