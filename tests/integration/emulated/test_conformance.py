"""Emulated clusters answer Argosy's calls as a real API server does, but for what they are known to lack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.kube.connect import connect
from argosy.kube.discovery import discover
from devcluster.emulated.fleet import EmulatedClusters
from devcluster.member import Member as LocalMember
from tests.integration.emulated.script import Answer, Play, play

pytestmark = pytest.mark.members


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedClusters]:
    clusters = EmulatedClusters(tmp_path_factory.mktemp("emulated"), count=2)
    clusters.start()
    yield clusters
    clusters.stop()


@pytest.fixture
async def both(members: list[LocalMember], emulated: EmulatedClusters) -> AsyncIterator[tuple[Play, Play]]:
    """A real server and an emulated one."""
    kubeconfigs = (members[0].kubeconfig, emulated.kubeconfig(emulated.names[0]))
    plays = [Play(await _connected(path)) for path in kubeconfigs]
    yield plays[0], plays[1]
    for one in plays:
        await one.member.close()


async def _connected(kubeconfig: Path) -> Any:
    return await connect("m", ConnectionReference(kubeconfig=str(kubeconfig)), allow_exec=False)


async def test_the_same_calls_get_the_same_answers(both: tuple[Play, Play]) -> None:
    real, emulated = both
    namespace = f"conform-{uuid4().hex[:8]}"
    await play(real, namespace)
    await play(emulated, namespace)
    assert [answer.step for answer in real.answers] == [answer.step for answer in emulated.answers]
    differences = [
        difference
        for one, other in zip(real.answers, emulated.answers, strict=True)
        for difference in _differences(one, other)
    ]
    assert not differences, "\n".join(differences)


async def test_every_emulated_kind_is_one_of_the_real_server(both: tuple[Play, Play]) -> None:
    real, emulated = [await discover(one.member) for one in both]
    assert emulated.served
    for key, kind in emulated.served.items():
        known = real.served[key]
        assert (kind.plural, kind.namespaced, kind.words) == (known.plural, known.namespaced, known.words)


def _differences(real: Answer, emulated: Answer) -> list[str]:
    """Where an emulated answer differs in more than what the emulation is known to lack."""
    if real.status != emulated.status:
        return [f"{real.step}: {real.status} {real.body} | {emulated.status} {emulated.body}"]
    return [f"{real.step}: {text}" for text in _lacking(real.body, emulated.body, "")]


def _lacking(real: Any, emulated: Any, at: str) -> list[str]:
    """What the emulated value has and the real one has not, or the other way round; defaults may be missing."""
    if isinstance(real, dict) and isinstance(emulated, dict):
        found = []
        for name in sorted({*real, *emulated}):
            where = f"{at}.{name}"
            if name not in emulated:
                if not _may_be_missing(where, real[name]):
                    found.append(f"{where} is missing: {real[name]}")
            elif name not in real:
                found.append(f"{where} is too much: {emulated[name]}")
            elif name == "managedFields":
                found += _lacking(_owners(real[name]), _owners(emulated[name]), where)
            else:
                found += _lacking(real[name], emulated[name], where)
        return found
    if isinstance(real, list) and isinstance(emulated, list) and len(real) == len(emulated):
        return [
            difference
            for number, (one, other) in enumerate(zip(real, emulated, strict=True))
            for difference in _lacking(one, other, f"{at}[{number}]")
        ]
    return [] if real == emulated else [f"{at}: {real!r} | {emulated!r}"]


def _may_be_missing(path: str, value: Any) -> bool:
    """What the real server writes into what it is sent: defaults in content and status, and by admission."""
    if value == ["kubernetes.io/pvc-protection"]:
        return True
    return (
        any(part in path for part in (".spec", ".status.", ".type", ".immutable")) and "metadata" not in path
    )


def _owners(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Owners of fields; whether a plain writer owns a container beside what is in it depends on Go's types."""
    return [
        {
            **entry,
            "fieldsV1": entry["fieldsV1"] if entry["operation"] == "Apply" else _contents(entry["fieldsV1"]),
        }
        for entry in sorted(
            entries, key=lambda one: (one["operation"], one["manager"], one.get("subresource", ""))
        )
    ]


def _contents(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _contents(inner) for name, inner in fields.items() if name != "."}
