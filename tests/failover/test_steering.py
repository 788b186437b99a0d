"""Copies that move because a person, an alert or a taint wants it: one at a time, at a pace, and never unasked."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from argosy.api.propagation import PropagationStatus
from tests.failover.ground import (
    Ground,
    Witness,
    Workload,
    divided,
    in_order,
    is_well,
    place,
    running,
    step,
    steps,
)

pytestmark = [pytest.mark.timeout(240)]

RATE = 2.0
MANY = 10
# A watch of ours may bring the same news a little later than the worker's.
CLOCKS = 0.3


def signal(ground: Ground, workload: Workload, name: str, **order: object) -> None:
    """What a person or an alert would run."""
    identifier = f"propagation/{workload.namespace}/{workload.ref.kind}.apps/{workload.ref.name}"
    subprocess.run(
        [
            str(Path(sys.executable).with_name("temporal")),
            *("workflow", "signal", "--address", ground.plant.temporal.address),
            *("--workflow-id", identifier, "--name", name, "--input", json.dumps(order)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )


@pytest.fixture(scope="module")
async def web(ground: Ground) -> AsyncIterator[Workload]:
    made = Workload(ground, running("steered"), in_order("ams", "ber"))
    await place(made, in_members={made.namespace: ("ams",)})
    yield made
    await made.delete()


async def test_one_template_is_moved_held_and_let_return_by_command(web: Workload, ground: Ground) -> None:
    wrong = await ground.run("failover", *web.words, "-C", "cdg", "--now")
    assert (wrong.code, wrong.error) == (2, f"{web.ref} has no copy in cdg; it has copies in ams")
    assert "held everywhere" in await ground.done("hold", *web.words)
    told = await ground.done("failover", *web.words, "-C", "ams", "--now", "--reason", "slow disks")
    assert "moves away from ams" in told
    await web.becomes(lambda s: "ams is held" in s.message)
    assert sorted(web.copies()) == ["ams"]
    await ground.done("resume", *web.words)
    await web.runs_in("ber")
    await ground.done("recover", *web.words, "--reason", "new disks")
    await web.runs_in("ams")
    told = json.loads(await ground.done("history", *web.words, "-o", "json"))["steps"]
    moved = "Moved away from ams", "Placed in ber", "Removed from ams"
    back = "Placed in ams", "Moved away from ber", "Removed from ber"
    asked = "Hold", "Failover now ams", "Resume"
    assert [one["what"] for one in told] == ["Placed in ams", *asked, *moved, "Recover", *back]
    why = {one["what"]: (one["why"], one["by"].partition("@")[1] or one["by"]) for one in told}
    assert why["Failover now ams"] == ("slow disks", "@")
    assert why["Moved away from ams"] == ("its failover was asked for at once", "plan")
    assert why["Recover"] == ("new disks", "@")
    assert why["Moved away from ber"] == ("it returns to ams", "plan")
    assert sorted(told, key=lambda one: one["at"]) == told


async def test_one_template_is_steered_by_signals(web: Workload, ground: Ground) -> None:
    await web.runs_in("ams")
    signal(ground, web, "hold", cluster="ams", requested_by="alerting")
    signal(ground, web, "failover", cluster="ams", now=True, reason="disk full", requested_by="alerting")
    await web.becomes(lambda s: "ams is held" in s.message)
    signal(ground, web, "resume", cluster="ams")
    status = await web.runs_in("ber")
    asked = [one for one in status.steps if one.why == "disk full"]
    assert [(one.what, one.by) for one in asked] == [("Failover now ams", "alerting")]
    signal(ground, web, "recover", cluster="ams")
    await web.runs_in("ams")


async def test_copies_move_one_after_the_other_where_one_may_be_unavailable(ground: Ground) -> None:
    limits = {"argosy.dev/max-unavailable": "1"}
    web = Workload(ground, running("one", replicas=6), divided("ams", "ber", "cdg"), annotations=limits)
    await place(web, in_members={web.namespace: ("ams", "ber", "cdg")})
    witness = Witness([web])
    available: list[int] = []

    async def look() -> None:
        while True:
            copies = await asyncio.to_thread(web.copies)
            available.append(sum(int(one["status"].get("readyReplicas") or 0) for one in copies.values()))
            await asyncio.sleep(0.05)

    looking = asyncio.create_task(look())
    try:
        await asyncio.gather(
            ground.done("cluster", "taint", "ams", "upkeep=now:NoExecute"),
            ground.done("cluster", "taint", "ber", "upkeep=now:NoExecute"),
        )
        status = await web.runs_in("cdg")
    finally:
        looking.cancel()
        await ground.done("cluster", "taint", "ams", "upkeep:NoExecute-")
        await ground.done("cluster", "taint", "ber", "upkeep:NoExecute-")
    assert web.replicas() == {"cdg": 6}
    # The second one moved when what took over from the first was ready.
    _, second = (one for one in steps(status) if one.startswith("Moved"))
    moved = step(status, second)
    for name in (second.removeprefix("Moved away from "), "cdg"):
        assert witness.first(web, name, "MODIFIED", lambda one: one.ready == 3) < moved + CLOCKS
    assert min(available) >= 6
    await web.delete()


async def test_many_templates_move_at_a_pace_that_a_crash_does_not_lose(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [Workload(ground, running(f"paced{n}"), in_order("ams", "ber")) for n in range(MANY)]
    await place(*made, in_members={one.namespace: ("ams",) for one in made})
    monkeypatch.setenv("ARGOSY_EVICTION_RATE", str(RATE))
    await asyncio.to_thread(ground.plant.kill_worker)
    await ground.restart_worker()
    try:
        await ground.done("cluster", "taint", "ams", "upkeep=now:NoExecute")
        await asyncio.wait(
            [asyncio.create_task(one.becomes(_moved)) for one in made], return_when=asyncio.FIRST_COMPLETED
        )
        ground.plant.kill_worker()
        assert len([one for one in made if not _moved(await one.status())]) > 0
        await ground.restart_worker()
        statuses = await asyncio.gather(*(one.runs_in("ber") for one in made))
    finally:
        monkeypatch.undo()
        await ground.done("cluster", "taint", "ams", "upkeep:NoExecute-")
        ground.plant.kill_worker()
        await ground.restart_worker()
    moments = sorted(step(status, "Moved away from ams") for status in statuses)
    took = moments[-1] - moments[0]
    assert (MANY - 1) / RATE - 1 <= took <= 4 * MANY / RATE
    # A busy machine makes one late and so near to the next; a burst would have several at once.
    assert all(later - earlier >= 1 / RATE for earlier, later in zip(moments, moments[4:], strict=False))
    assert all(is_well(status) for status in statuses)
    await asyncio.gather(*(one.delete() for one in made))


def _moved(status: PropagationStatus) -> bool:
    return "Moved away from ams" in steps(status)
