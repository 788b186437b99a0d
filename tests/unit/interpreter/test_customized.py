from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from argosy.api.behaviour import Behaviour
from argosy.api.customization import Operation, ResourceInterpreterCustomization
from argosy.api.quantity import Quantity
from argosy.errors import InterpreterError, NotCustomized
from argosy.interpreter.customized import CustomizedInterpreter, script_problems
from argosy.interpreter.lua.pool import LuaPool

WIDGET: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "w", "namespace": "apps", "labels": {}},
    "spec": {"size": 3, "list": [], "large": 9_007_199_254_740_993},
    "status": {"phase": "Running", "conditions": [], "by": {}},
}


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[LuaPool]:
    async with LuaPool(size=1) as running:
        yield running


def _customization(name: str = "c", **scripts: str) -> ResourceInterpreterCustomization:
    return ResourceInterpreterCustomization.model_validate(
        {
            "metadata": {"name": name},
            "spec": {
                "target": {"apiVersion": "example.com/v1", "kind": "Widget"},
                "customizations": {field: {"luaScript": script} for field, script in scripts.items()},
            },
        }
    )


def _interpreter(
    pool: LuaPool, scripts: Mapping[str, str], *, behaviour: Behaviour = "argosy"
) -> CustomizedInterpreter:
    return CustomizedInterpreter([_customization(**scripts)], pool, behaviour=behaviour)


def _returning(function: str, answer: str) -> str:
    return f"function {function}(a, b) return {answer} end"


def _replicas(answer: str) -> dict[str, str]:
    return {"replicaResource": _returning("GetReplicas", answer)}


def _retention(body: str) -> dict[str, str]:
    return {"retention": f"function Retain(desired, observed) {body} end"}


async def test_only_what_has_a_script_is_handled(pool: LuaPool) -> None:
    interpreter = _interpreter(
        pool, {"healthInterpretation": _returning("InterpretHealth", "true"), "retention": ""}
    )

    assert interpreter.handles("example.com/v1", "Widget", Operation.HEALTH)
    assert not interpreter.handles("example.com/v1", "Widget", Operation.RETAIN)
    assert not interpreter.handles("example.com/v2", "Widget", Operation.HEALTH)
    with pytest.raises(NotCustomized, match=r"retention for Widget of example\.com/v1"):
        await interpreter.retain(WIDGET, WIDGET)
    with pytest.raises(NotCustomized):
        await interpreter.health({"apiVersion": "v1", "kind": "Pod"})


async def test_of_several_scripts_the_first_by_name_counts(pool: LuaPool) -> None:
    first = _customization("a", **_replicas("1"))
    second = _customization(
        "b", **_replicas("2"), healthInterpretation=_returning("InterpretHealth", "false")
    )
    for order in ([first, second], [second, first]):
        interpreter = CustomizedInterpreter(order, pool)
        assert await interpreter.replicas(WIDGET) == (1, None)
        assert await interpreter.health(WIDGET) is False


async def test_replicas_and_requirements(pool: LuaPool) -> None:
    needs = """{
        resourceRequest = {cpu = 1, memory = '1Gi'}, unknown = {1},
        nodeClaim = {nodeSelector = {disk = 'ssd'}, tolerations = {{key = 'a', other = 1}}, more = 'x'},
    }"""
    count, found = await _interpreter(pool, _replicas(f"a.spec.size, {needs}")).replicas(WIDGET)

    assert (count, type(count)) == (3, int)
    assert found is not None
    assert found.resource_request == {"cpu": Quantity("1"), "memory": Quantity("1Gi")}
    assert found.node_claim is not None
    assert found.node_claim.tolerations[0].key == "a"
    assert (await _interpreter(pool, _replicas("1, {}")).replicas(WIDGET))[1] is not None


@pytest.mark.parametrize(
    "answer", ["nil", "'3'", "true", "{}", "1, 'x'", "1, {resourceRequest = {cpu = 'x'}}", "1e10"]
)
async def test_wrong_replicas_are_refused(pool: LuaPool, answer: str) -> None:
    with pytest.raises(InterpreterError, match="c, replicaResource: GetReplicas returned"):
        await _interpreter(pool, _replicas(answer)).replicas(WIDGET)


async def test_no_workload_has_fewer_than_no_replicas(pool: LuaPool) -> None:
    assert await _interpreter(pool, _replicas("-1"), behaviour="karmada").replicas(WIDGET) == (-1, None)
    with pytest.raises(InterpreterError, match="-1 replicas"):
        await _interpreter(pool, _replicas("-1")).replicas(WIDGET)


async def test_components(pool: LuaPool) -> None:
    async def components(answer: str) -> Any:
        scripts = {"componentResource": _returning("GetComponents", answer)}
        return await _interpreter(pool, scripts).components(WIDGET)

    one = "{name = 'main', replicas = 2, replicaRequirements = {resourceRequest = {cpu = '1'}, x = 1}}"
    (main,) = await components(f"{{{one}}}")
    assert (main.name, main.replicas) == ("main", 2)
    assert main.replica_requirements.resource_request == {"cpu": Quantity(1)}
    assert await components("nil") == ()
    assert await components("{}") == ()
    with pytest.raises(InterpreterError, match=r"\[0\].name"):
        await components("{{replicas = 1}}")
    with pytest.raises(InterpreterError, match=r"replicas"):
        await components("{{name = 'a', replicas = 1.5}}")


async def test_objects_keep_what_scripts_do_not_touch(pool: LuaPool) -> None:
    observed = {**WIDGET, "spec": {**WIDGET["spec"], "size": 9}}
    interpreter = _interpreter(
        pool,
        {
            "replicaRevision": "function ReviseReplica(o, n) o.spec.size = n return o end",
            "statusAggregation": "function AggregateStatus(o, items) o.status.n = #items return o end",
            **_retention("desired.spec.size = observed.spec.size return desired"),
        },
    )

    assert await interpreter.revise(WIDGET, 5) == {**WIDGET, "spec": {**WIDGET["spec"], "size": 5}}
    assert await interpreter.retain(WIDGET, observed) == observed
    item = {"clusterName": "m1", "status": {}, "health": "Healthy"}
    aggregated = await interpreter.aggregate(WIDGET, [item, item])
    assert aggregated == {**WIDGET, "status": {**WIDGET["status"], "n": 2}}
    assert (await interpreter.aggregate(WIDGET, []))["status"]["n"] == 0
    with pytest.raises(InterpreterError, match="nil value"):
        await interpreter.aggregate(WIDGET, None)


@pytest.mark.parametrize(
    "body",
    [
        "return nil",
        "return 'x'",
        "return {}",
        "return {1}",
        "desired.kind = nil return desired",
        "desired.kind = 'Pod' return desired",
        "desired.metadata.name = 'other' return desired",
        "desired.metadata = nil return desired",
        "return desired.spec",
    ],
)
async def test_what_is_not_the_object_is_refused(pool: LuaPool, body: str) -> None:
    with pytest.raises(InterpreterError, match="c, retention: Retain returned"):
        await _interpreter(pool, _retention(body)).retain(WIDGET, WIDGET)


async def test_statuses(pool: LuaPool) -> None:
    async def reflected(answer: str) -> Any:
        scripts = {"statusReflection": _returning("ReflectStatus", answer)}
        return await _interpreter(pool, scripts).reflect(WIDGET)

    assert await reflected("a.status") == WIDGET["status"]
    assert await reflected("{phase = a.status.phase, by = a.status.by, new = {}}") == {
        "phase": "Running",
        "by": {},
    }
    assert await reflected("{}") == {}
    assert await reflected("nil") is None
    with pytest.raises(InterpreterError, match="'x' and not an object"):
        await reflected("'x'")


@pytest.mark.parametrize("answer", ["nil", "1", "'true'", "{}"])
async def test_health_is_a_boolean(pool: LuaPool, answer: str) -> None:
    scripts = {"healthInterpretation": _returning("InterpretHealth", answer)}
    with pytest.raises(InterpreterError, match="not true or false"):
        await _interpreter(pool, scripts).health(WIDGET)


async def test_dependencies_are_joined_and_sorted(pool: LuaPool) -> None:
    def named(*names: str) -> str:
        listed = ", ".join(
            f"{{apiVersion = 'v1', kind = 'Secret', namespace = 'n', name = '{name}'}}" for name in names
        )
        return _returning("GetDependencies", f"{{{listed}}}")

    interpreter = CustomizedInterpreter(
        [
            _customization("b", dependencyInterpretation=named("z", "a")),
            _customization("a", dependencyInterpretation=named("b", "z")),
        ],
        pool,
    )
    assert [one.name for one in await interpreter.dependencies(WIDGET)] == ["a", "b", "z"]


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        ("{{apiVersion = 'v1', kind = 'Secret', labelSelector = {matchLabels = {a = 'b'}}}}", True),
        ("{{apiVersion = 'v1', kind = 'Secret', name = 'a', more = 1}}", True),
        ("{}", True),
        ("{{apiVersion = 'v1', kind = 'Secret'}}", False),
        ("{{kind = 'Secret', name = 'a'}}", False),
        ("{{apiVersion = '', kind = 'Secret', name = 'a'}}", False),
        ("{apiVersion = 'v1', kind = 'Secret', name = 'a'}", False),
        ("'x'", False),
    ],
)
async def test_a_dependency_says_what_it_is(pool: LuaPool, answer: str, valid: bool) -> None:
    scripts = {"dependencyInterpretation": _returning("GetDependencies", answer)}
    interpreter = _interpreter(pool, scripts)
    if valid:
        await interpreter.dependencies(WIDGET)
    else:
        with pytest.raises(InterpreterError, match="c, dependencyInterpretation"):
            await interpreter.dependencies(WIDGET)


async def test_scripts_that_do_not_load_are_named(pool: LuaPool) -> None:
    customization = _customization(retention="function (", healthInterpretation="while true do end")

    (problem,) = await script_problems(customization, pool)

    assert problem.path == "spec.customizations.retention.luaScript"
    assert "script:1" in problem.message
