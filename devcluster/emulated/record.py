"""Record which kinds and fields a real API server has: `python -m devcluster.emulated.record`.

The emulation is told by this record where lists are merged by key, which is what server-side apply needs to know.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from devcluster.emulated.schema import RECORD
from devcluster.member import Member

GROUPS = (
    "",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
)
# Not stored as they are sent, or no objects at all.
_LEFT_OUT = {"Binding", "ComponentStatus", "Event", "Endpoints", "IPAddress", "ServiceCIDR"}
# Those whose strategy counts changes of the spec.
_COUNTED = {
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Ingress",
    "Job",
    "NetworkPolicy",
    "Pod",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
}
_KEY_DEFAULTS = {"protocol": "TCP"}
_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def main() -> None:
    """Start a real member, and write down what it says of itself."""
    with tempfile.TemporaryDirectory() as directory:
        member = Member("recorded", Path(directory))
        member.start()
        try:
            definitions = _read(member, "/openapi/v2")["definitions"]
            kinds = [kind for group in GROUPS for kind in _kinds(member, group, definitions)]
        finally:
            member.stop()
    types: dict[str, Any] = {}
    for kind in kinds:
        _collect(kind["type"], definitions, types)
    lines = [
        '{"kinds": [',
        ",\n".join(json.dumps(kind) for kind in kinds),
        '], "types": {',
        ",\n".join(f"{json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types)),
        "}}",
    ]
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _kinds(member: Member, group: str, definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """What a group serves in its preferred version: no object is converted from one to another."""
    version = _read(member, f"/apis/{group}")["preferredVersion"]["version"] if group else "v1"
    by_gvk = {
        (gvk["group"], gvk["version"], gvk["kind"]): name
        for name, definition in definitions.items()
        for gvk in definition.get("x-kubernetes-group-version-kind", ())
    }
    kinds = []
    root = f"/apis/{group}/{version}" if group else "/api/v1"
    resources = _read(member, root)["resources"]
    names = {resource["name"] for resource in resources}
    for resource in resources:
        kind = resource["kind"]
        if "/" in resource["name"] or kind in _LEFT_OUT or "list" not in resource["verbs"]:
            continue
        kinds.append(
            {
                "group": group,
                "version": version,
                "kind": kind,
                "plural": resource["name"],
                "singular": resource["singularName"],
                "short": resource.get("shortNames", []),
                "categories": resource.get("categories", []),
                "namespaced": resource["namespaced"],
                "counted": kind in _COUNTED,
                "status": f"{resource['name']}/status" in names,
                "type": by_gvk[group, version, kind],
            }
        )
    return kinds


def _collect(name: str, definitions: dict[str, Any], types: dict[str, Any]) -> None:
    if name in types:
        return
    types[name] = None
    types[name] = _node(definitions[name], definitions, types)


def _node(schema: dict[str, Any], definitions: dict[str, Any], types: dict[str, Any]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        _collect(name, definitions, types)
        if schema.get("x-kubernetes-map-type") == "atomic":
            return {"atomic": True}
        return {"ref": name}
    if schema.get("type") == "array":
        relation = schema.get("x-kubernetes-list-type", "atomic")
        items = _node(schema["items"], definitions, types)
        if relation == "map":
            keys = {key: _KEY_DEFAULTS.get(key) for key in schema["x-kubernetes-list-map-keys"]}
            return {"list": items, "keys": keys}
        return {"list": items, "set": True} if relation == "set" else {"list": items}
    if "properties" in schema:
        fields = {
            name: _node(inner, definitions, types) for name, inner in sorted(schema["properties"].items())
        }
        atomic = schema.get("x-kubernetes-map-type") == "atomic"
        return {"fields": fields, "atomic": True} if atomic else {"fields": fields}
    if "additionalProperties" in schema:
        inner = _node(schema["additionalProperties"], definitions, types)
        atomic = schema.get("x-kubernetes-map-type") == "atomic"
        return {"map": inner, "atomic": True} if atomic else {"map": inner}
    if schema.get("format") == "int-or-string" or "type" not in schema:
        return "any"
    if schema["type"] == "object":
        return {"atomic": True}
    return _SCALARS[schema["type"]] if schema.get("format") != "byte" else "string"


def _read(member: Member, path: str) -> dict[str, Any]:
    status, body = member.request("GET", path)
    if status != 200:
        raise RuntimeError(f"{path} answered {status}")
    found: dict[str, Any] = json.loads(body)
    return found


if __name__ == "__main__":
    main()
