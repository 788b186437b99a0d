"""The worker process: `argosy worker run`, or `argosy-worker`."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys

from temporalio.service import RPCError

from activities import logs, tracing
from activities.connection import (
    connect,
    denied,
    failure,
    instance_of,
    is_denial,
    missing_attributes,
    require_right_to_work,
)
from activities.exits import leave_after
from activities.members import Inside
from activities.metrics import OFF, Metrics
from activities.telemetry import runtime
from argosy.config import Settings
from argosy.errors import ArgosyError, Refused
from worker.health import serve_health
from worker.sandbox import production_runner
from worker.wiring import build, workers, workers_inside

logger = logging.getLogger("argosy.worker")


async def run(settings: Settings, *, profile: str | None = None, inside: Inside | None = None) -> None:
    """Poll until SIGTERM or SIGINT, then finish what is under way.

    Args:
        inside: the cluster to work for where it is in pull mode; None is everything else.

    Raises:
        ArgosyError: Temporal cannot be reached, or the namespace is not set up.
    """
    tracing.start("argosy-worker")
    telemetry = runtime(settings)
    client = await connect(settings, profile=profile, runtime=telemetry)
    instance = await instance_of(client)
    try:
        missing = await missing_attributes(client)
    except RPCError as error:
        raise failure(error, doing="listing search attributes") from error
    if missing:
        raise Refused(
            f"Temporal namespace {client.namespace} lacks the search attributes {', '.join(missing)}; "
            "run `argosy init` once"
        )
    await require_right_to_work(client)
    metrics = Metrics(telemetry.metric_meter) if telemetry and settings.metrics_listen else OFF
    parts = build(client, settings, instance=instance, metrics=metrics, inside=inside)
    failures: list[BaseException] = []

    async def note(error: BaseException) -> None:
        failures.append(error)

    main_worker, health_worker = (
        workers(client, settings, parts, runner=production_runner(), on_fatal_error=note)
        if inside is None
        else workers_inside(client, settings, parts, inside.cluster, on_fatal_error=note)
    )
    # What has been imported stays: without this every full collection walks the client library's thousands of classes.
    gc.collect()
    gc.freeze()
    # What observers know of hundreds of clusters is no garbage, and a full collection stops everything to walk it all.
    gc.set_threshold(10_000, 10, 20)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    encrypted = "encrypted" if settings.encrypts else "NOT encrypted"
    logger.info(
        "polling %s and %s of %s/%s; payloads are %s",
        main_worker.task_queue,
        health_worker.task_queue,
        client.service_client.config.target_host,
        client.namespace,
        encrypted,
    )
    try:
        health = serve_health(settings.health_listen, ready=lambda: main_worker.is_running)
        async with health, main_worker, health_worker:
            await stop.wait()
            logger.info("finishing what is under way")
    except (RuntimeError, asyncio.CancelledError):
        # A token has expired, or was taken back. Where both workers fail, the second one cancels this task once more.
        for one in failures:
            if is_denial(str(one.__cause__)):
                raise denied(f"working in namespace {client.namespace}") from one
        raise
    finally:
        await parts.close()
        await asyncio.to_thread(tracing.stop)


def main() -> None:
    """Entry point of the worker process."""
    leave_after(_main)


def _main() -> int:
    try:
        settings = Settings.from_env()
        logs.set_up(settings)
        asyncio.run(run(settings))
    except ArgosyError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0
