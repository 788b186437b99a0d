"""A real Prometheus that scrapes what a test has running, with the rules that are shipped."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from devcluster.ports import LOOPBACK, free_port
from devcluster.process import spawn
from tests.cli.runs import ROOT
from tests.serve.alertmanager import answers

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer.

        Raises:
            AssertionError: it refuses, in its own words.
        """
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error

    def result(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def ready(self) -> bool:
        return answers(f"{self.url}/-/ready")


@contextmanager
def scraping(binary: Path, directory: Path, targets: Sequence[str]) -> Iterator[Prometheus]:
    """Scrape every second while the block runs.

    Args:
        targets: host:port of each endpoint.
    """
    directory.mkdir()
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "argosy", "static_configs": [{"targets": list(targets)}]}],
        "rule_files": [str(RULES)],
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    address = f"{LOOPBACK}:{free_port()}"
    process = spawn(
        [
            binary,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={address}",
        ],
        log=directory / "prometheus.log",
    )
    try:
        yield Prometheus(f"http://{address}")
    finally:
        process.stop()
