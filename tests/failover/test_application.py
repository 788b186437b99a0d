"""Workloads that fail while their cluster is well: given up after a durable while, and each in its policy's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from tests.failover.ground import (
    Ground,
    Seen,
    Witness,
    Workload,
    in_order,
    place,
    report,
    running,
    step,
    steps,
    ticker,
)

pytestmark = [pytest.mark.timeout(240), pytest.mark.crash]

TOLERATED = 10
GRACE = 3
POSITION = "example.com/position"


@dataclass(frozen=True)
class Sick:
    """Workloads that have failed in `ams`, and what was seen of them since; the worker was killed meanwhile."""

    workloads: Mapping[str, Workload]
    witness: Witness
    due: Mapping[str, float]


def application(**terms: object) -> dict[str, object]:
    return {"application": {"decisionConditions": {"tolerationSeconds": TOLERATED}, **terms}}


def ready(seen: Seen) -> bool:
    return seen.ready == 2


@pytest.fixture(scope="module")
async def sick(ground: Ground) -> AsyncIterator[Sick]:
    """Five Deployments whose pods die at the same moment, and the crash of the only worker before they may move."""
    terms: dict[str, dict[str, object]] = {
        "gracefully": {"purgeMode": "Gracefully"},
        "directly": {"purgeMode": "Directly"},
        "never": {"purgeMode": "Never"},
        "grace": {"gracePeriodSeconds": GRACE},
        "recovers": {},
    }
    made = {
        name: Workload(ground, running(name), in_order("ams", "ber"), application(**how))
        for name, how in terms.items()
    }
    await place(*made.values(), in_members={one.namespace: ("ams",) for one in made.values()})
    witness = Witness(made.values())
    made["grace"].fits("ber", yes=False)
    for one in made.values():
        one.fail("ams")
    due = {}
    for name, one in made.items():
        warned = await one.becomes(lambda s: "ams" in s.evict_at)
        due[name] = warned.evict_at["ams"].timestamp()
        assert "moves away from ams at" in warned.message
    made["recovers"].fits("ams", yes=True)
    await made["recovers"].becomes(lambda s: not s.evict_at)
    ground.plant.kill_worker()
    await asyncio.sleep(1)
    await ground.restart_worker()
    yield Sick(made, witness, due)
    await asyncio.gather(*(one.delete() for one in made.values()))


async def test_a_copy_stays_until_the_one_elsewhere_is_well_and_the_clock_survives_a_crash(
    sick: Sick,
) -> None:
    web = sick.workloads["gracefully"]
    status = await web.runs_in("ber")
    assert 0 <= step(status, "Moved away from ams") - sick.due["gracefully"] <= 6
    gone = sick.witness.first(web, "ams", "DELETED")
    assert sick.witness.first(web, "ber", "MODIFIED", ready) < gone
    why = {one.what: one.why for one in status.steps}
    assert why["Moved away from ams"] == f"the workload there was not healthy for {TOLERATED} s"
    assert "Removed from ams" in why
    told = await web.ground.done("history", *web.words)
    assert all(one in told for one in ("Moved away from ams", "was not healthy", "Removed from ams"))


async def test_a_copy_that_goes_directly_is_gone_before_the_next_is_created(sick: Sick) -> None:
    web = sick.workloads["directly"]
    await web.runs_in("ber")
    assert sick.witness.first(web, "ams", "DELETED") < sick.witness.first(web, "ber", "ADDED")


async def test_a_copy_that_is_never_purged_stays_until_a_person_lets_go_of_it(sick: Sick) -> None:
    web = sick.workloads["never"]
    status = await web.becomes(
        lambda s: s.counts == {"Applied": 1, "Evicting": 1} and s.clusters["ber"].assessment.is_healthy
    )
    assert "`argosy approve Deployment web`" in status.message
    await asyncio.sleep(2)
    assert sorted(web.copies()) == ["ams", "ber"]
    assert "approved for ams" in await web.ground.done("approve", *web.words)
    await web.runs_in("ber")
    again = await web.ground.run("approve", *web.words)
    assert (again.code, again.error.endswith("see `argosy status Deployment web`")) == (4, True)


async def test_a_copy_waits_for_health_elsewhere_no_longer_than_its_grace(sick: Sick) -> None:
    web = sick.workloads["grace"]
    status = await web.becomes(lambda s: "Removed from ams" in steps(s))
    waited = step(status, "Removed from ams") - step(status, "Moved away from ams")
    # It is counted from the plan, whose clock is not that of the steps.
    assert GRACE - 0.3 <= waited <= GRACE + 3
    sick.witness.first(web, "ber", "ADDED")


async def test_a_workload_that_recovers_in_time_stays(sick: Sick) -> None:
    web = sick.workloads["recovers"]
    await sick.workloads["gracefully"].becomes(lambda s: "Moved away from ams" in steps(s))
    assert steps(await web.runs_in("ams")) == ["Placed in ams"]
    assert sorted(web.copies()) == ["ams"]


async def test_the_next_copy_is_told_how_far_the_failed_one_had_got(ground: Ground) -> None:
    rules = [{"aliasLabelName": POSITION, "jsonPath": "{ .progress.position }"}]
    failover = {
        "application": {
            "decisionConditions": {"tolerationSeconds": 2},
            "purgeMode": "Directly",
            "statePreservation": {"rules": rules},
        }
    }
    tick = Workload(ground, ticker("state"), in_order("ams", "ber"), failover)
    await ground.apply(tick.policy(), tick.manifest)
    report(tick, "ams", phase="Running", progress={"position": 4711})
    await tick.runs_in("ams")
    report(tick, "ams", phase="Failing", progress={"position": 4712})
    await tick.becomes(lambda s: sorted(s.clusters) == ["ber"] and s.phase == "Applied")
    assert tick.copies()["ber"]["metadata"]["labels"][POSITION] == "4712"
    # Later passes keep it, until the copy there goes.
    report(tick, "ber", phase="Running")
    tick.manifest["spec"] = {"size": 2}
    await ground.apply(tick.manifest)
    copy = tick.copies()["ber"]
    assert (copy["spec"]["size"], copy["metadata"]["labels"][POSITION]) == (2, "4712")
    await tick.delete()


async def test_a_release_that_is_well_nowhere_stays_and_the_next_one_mends_it(ground: Ground) -> None:
    failover = {"application": {"decisionConditions": {"tolerationSeconds": 2}, "purgeMode": "Directly"}}
    web = Workload(ground, running("broken"), in_order("ams"), failover)
    web.fits("ams", yes=True)
    pods = web.manifest["spec"]["template"]["metadata"]
    pods["annotations"] = {"kwok.argosy.dev/never-ready": "yes"}
    await ground.apply(web.policy(), web.manifest)
    status = await web.becomes(lambda s: s.phase == "Unschedulable")
    assert status.counts == {"Applied": 1}
    uid = web.copies()["ams"]["metadata"]["uid"]
    del pods["annotations"]
    # Nobody knows yet whether this one is better.
    await ground.apply(web.manifest, wait=False)
    status = await web.runs_in("ams")
    assert (status.revision, web.copies()["ams"]["metadata"]["uid"]) == (2, uid)
    await web.delete()
