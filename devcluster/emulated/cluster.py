"""The objects of one emulated cluster, in memory, and what becomes of them."""

from __future__ import annotations

import base64
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid4, uuid5

from devcluster.components import fake_node
from devcluster.emulated import statuses
from devcluster.emulated.owning import Configuration, Manifest, Writer, applied, updated
from devcluster.emulated.schema import Kind, kinds
from devcluster.emulated.selecting import Selection

REMEMBERED = 128
"""Changes of each kind that a watch can be resumed over."""
_SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system")
_KINDS = {kind.kind: kind for kind in kinds()}

Key = tuple[str, str]
"""(namespace, name)"""


@dataclass(frozen=True)
class Event:
    """A change, with the object before and after it."""

    version: int
    before: Manifest | None
    after: Manifest | None

    def seen(self, selection: Selection) -> tuple[Literal["ADDED", "MODIFIED", "DELETED"], Manifest] | None:
        """What it is to somebody who watches a part of the kind."""
        was = self.before is not None and selection.takes(self.before)
        if self.after is not None and selection.takes(self.after):
            return ("MODIFIED" if was else "ADDED"), self.after
        if not was or self.before is None:
            return None
        metadata = {**self.before["metadata"], "resourceVersion": str(self.version)}
        return "DELETED", {**self.before, "metadata": metadata}


@dataclass
class _Collection:
    objects: dict[Key, Manifest] = field(default_factory=dict)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    listeners: set[Callable[[Event], None]] = field(default_factory=set)
    forgotten: int = 0


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    items: list[Manifest]
    version: str
    following: str
    remaining: int


class Cluster:
    """One emulated cluster.

    Args:
        name: its name.
        seed: tells this process's clusters from another's of the same name; the same seed is the same cluster.

    Attributes:
        written_at: when an object was last written or deleted, in seconds since the epoch.
    """

    def __init__(self, name: str, *, seed: str) -> None:
        self.name = name
        self._version = 0
        self.written_at = 0.0
        self._collections: defaultdict[str, _Collection] = defaultdict(_Collection)
        namespaces = _KINDS["Namespace"]
        for namespace in _SYSTEM:
            uid = str(uuid5(NAMESPACE_URL, f"{seed}/{name}/{namespace}"))
            manifest = {"metadata": {"name": namespace, "uid": uid}}
            self.create(namespaces, "", manifest, manager="kube-apiserver")
        node = fake_node(f"{name}-node")
        ready = {"type": "Ready", "status": "True", "reason": "Emulated", "message": "no kubelet runs"}
        node["status"]["conditions"] = [ready]
        self.create(_KINDS["Node"], "", node, manager="kube-apiserver", with_status=True)

    # -- reading ----------------------------------------------------------------------------------------

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """An object.

        Raises:
            Refusal: there is none.
        """
        found = self._collections[kind.resource].objects.get((namespace, name))
        if found is None:
            raise statuses.not_found(kind, name)
        return found

    def page(self, kind: Kind, selection: Selection, *, limit: int, following: str) -> Page:
        """Some of the objects of a kind, in order; a later page shows what is there by then."""
        collection = self._collections[kind.resource]
        after, version = _position(following) if following else (("", ""), str(self._version))
        items = [
            item
            for key, item in sorted(collection.objects.items(), key=lambda one: one[0])
            if key > after and selection.takes(item)
        ]
        if not limit or len(items) <= limit:
            return Page(items, version, "", 0)
        last = items[limit - 1]["metadata"]
        token = json.dumps([last.get("namespace", ""), last["name"], version])
        return Page(
            items[:limit], version, base64.urlsafe_b64encode(token.encode()).decode(), len(items) - limit
        )

    def follow(self, kind: Kind, since: str, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have a listener told of every change of a kind after a version; returns what ends that.

        Raises:
            Refusal: the version is too old.
        """
        collection = self._collections[kind.resource]
        version = int(since or "0")
        if version < collection.forgotten:
            message = f"too old resource version: {since} ({collection.forgotten})"
            raise statuses.Refusal(410, "Expired", message)
        for event in collection.events:
            if event.version > version:
                listener(event)
        collection.listeners.add(listener)
        return lambda: collection.listeners.discard(listener)

    def counts(self) -> dict[str, int]:
        """How many objects there are, by resource."""
        return {name: len(one.objects) for name, one in self._collections.items() if one.objects}

    @property
    def version(self) -> str:
        """The resource version of now."""
        return str(self._version)

    # -- writing ----------------------------------------------------------------------------------------

    def apply(
        self,
        kind: Kind,
        key: Key,
        wanted: Configuration,
        *,
        manager: str,
        force: bool,
        dry_run: bool,
    ) -> tuple[Manifest, bool]:
        """Server-side apply; the object, and whether it came into being.

        Raises:
            Refusal: it is in conflict with others, or not the object that is meant.
        """
        live = self._collections[kind.resource].objects.get(key)
        name, uid = key[1], wanted.metadata.get("uid")
        if live is None:
            self._check_namespace(kind, key)
            if uid:
                known = (
                    f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                )
                raise statuses.conflict(kind, name, known)
        elif uid and uid != live["metadata"]["uid"]:
            raise statuses.immutable(kind, name, "metadata.uid", uid)
        else:
            _check_version(kind, name, live, wanted.metadata)
        writer = Writer(manager, "Apply", _now())
        after = applied(live, wanted, kind, writer, force=force)
        return self._keep(kind, key, live, after, dry_run=dry_run), live is None

    def create(
        self, kind: Kind, namespace: str, manifest: Manifest, *, manager: str, with_status: bool = False
    ) -> Manifest:
        """A new object.

        Raises:
            Refusal: there is one of that name, or no such namespace.
        """
        name = manifest.get("metadata", {}).get("name", "")
        if not name:
            raise statuses.missing("names that the server makes up")
        key = (namespace, name)
        manifest = _labelled(manifest, kind)
        self._check_namespace(kind, key)
        if key in self._collections[kind.resource].objects:
            raise statuses.exists(kind, name)
        after = updated(None, manifest, kind, Writer(manager, "Update", _now()))
        identity = {"uid": manifest["metadata"]["uid"]} if "uid" in manifest["metadata"] else {}
        after = {**after, "metadata": {**after["metadata"], **identity}}
        if with_status:
            after["status"] = manifest["status"]
        return self._keep(kind, key, None, after)

    def merge(
        self, kind: Kind, key: Key, patch: Manifest, *, manager: str, subresource: str = ""
    ) -> Manifest:
        """JSON merge patch of an object, or of its status.

        Raises:
            Refusal: there is none, or it is not the one or not the version that is meant.
        """
        live = self.get(kind, *key)
        wanted = patch.get("metadata") or {}
        if wanted.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise statuses.immutable(kind, key[1], "metadata.uid", wanted["uid"])
        _check_version(kind, key[1], live, wanted)
        new = _merge_patched(live, patch)
        after = updated(live, new, kind, Writer(manager, "Update", _now(), subresource))
        if after["metadata"].get("deletionTimestamp") and not after["metadata"].get("finalizers"):
            self._remove(kind, key, live)
            return after
        return self._keep(kind, key, live, after)

    def delete(self, kind: Kind, key: Key, preconditions: Manifest) -> Manifest:
        """Delete an object; what is answered: a success, or the object that its finalizers hold.

        Raises:
            Refusal: there is none, or it is not the one that is meant.
        """
        live = self.get(kind, *key)
        metadata = live["metadata"]
        wanted = preconditions.get("uid")
        if wanted and wanted != metadata["uid"]:
            raise statuses.replaced(kind, key[1], wanted=wanted, known=metadata["uid"])
        version = preconditions.get("resourceVersion")
        if version and version != metadata["resourceVersion"]:
            raise statuses.modified(kind, key[1], wanted=version, known=metadata["resourceVersion"])
        if kind.kind == "Namespace":
            return self._delete_namespace(kind, live)
        if metadata.get("finalizers"):
            if metadata.get("deletionTimestamp"):
                return live
            return self._keep(kind, key, live, _deleted(live, kind))
        self._remove(kind, key, live)
        return statuses.success(kind, key[1], metadata["uid"])

    def _delete_namespace(self, kind: Kind, live: Manifest) -> Manifest:
        name = live["metadata"]["name"]
        if not live["metadata"].get("deletionTimestamp"):
            live = self._keep(
                kind, ("", name), live, {**_deleted(live, kind), "status": {"phase": "Terminating"}}
            )
        for other in kinds():
            for key in [key for key in self._collections[other.resource].objects if key[0] == name]:
                self.delete(other, key, {})
        self._finish_namespace(name)
        return live

    def _finish_namespace(self, name: str) -> None:
        namespace = self._collections["namespaces"].objects.get(("", name))
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return
        if not any(key[0] == name for one in self._collections.values() for key in one.objects):
            self._remove(_KINDS["Namespace"], ("", name), namespace)

    def _check_namespace(self, kind: Kind, key: Key) -> None:
        if not kind.namespaced:
            return
        namespace = self._collections["namespaces"].objects.get(("", key[0]))
        if namespace is None:
            raise statuses.no_namespace(key[0])
        if namespace["metadata"].get("deletionTimestamp"):
            raise statuses.going(kind, key[1], key[0])

    def _keep(
        self, kind: Kind, key: Key, live: Manifest | None, after: Manifest, *, dry_run: bool = False
    ) -> Manifest:
        if after is live:
            return after
        metadata = dict(after["metadata"])
        metadata["name"] = key[1]
        if key[0]:
            metadata["namespace"] = key[0]
        if live is None:
            metadata = {"creationTimestamp": _now(), "uid": str(uuid4()), **metadata}
            if kind.counted:
                metadata["generation"] = 1
            after = _with_what_a_server_adds(after, metadata, kind)
        else:
            if kind.counted and "generation" in metadata and _spec(live) != _spec(after):
                metadata["generation"] = live["metadata"]["generation"] + 1
            after = {**after, "metadata": metadata}
        if dry_run:
            return after
        self._version += 1
        after["metadata"]["resourceVersion"] = str(self._version)
        self._collections[kind.resource].objects[key] = after
        self._tell(kind, Event(self._version, live, after))
        return after

    def _remove(self, kind: Kind, key: Key, live: Manifest) -> None:
        del self._collections[kind.resource].objects[key]
        self._version += 1
        self._tell(kind, Event(self._version, live, None))
        if key[0]:
            self._finish_namespace(key[0])

    def _tell(self, kind: Kind, event: Event) -> None:
        self.written_at = time.time()
        collection = self._collections[kind.resource]
        if len(collection.events) == REMEMBERED:
            collection.forgotten = collection.events[0].version
        collection.events.append(event)
        for listener in list(collection.listeners):
            listener(event)


def _with_what_a_server_adds(after: Manifest, metadata: Manifest, kind: Kind) -> Manifest:
    after = _labelled({**after, "metadata": metadata}, kind)
    if kind.kind == "Namespace":
        return {**after, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return {"status": {}, **after} if kind.status else after


def _labelled(manifest: Manifest, kind: Kind) -> Manifest:
    """Every namespace has its name as a label."""
    if kind.kind != "Namespace":
        return manifest
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), "kubernetes.io/metadata.name": metadata["name"]}
    return {**manifest, "metadata": {**metadata, "labels": labels}}


def _deleted(live: Manifest, kind: Kind) -> Manifest:
    marks: Manifest = {"deletionTimestamp": _now()}
    if kind.kind != "Namespace":
        marks["deletionGracePeriodSeconds"] = 0
    if kind.counted:
        marks["generation"] = live["metadata"]["generation"] + 1
    return {**live, "metadata": {**live["metadata"], **marks}}


def _spec(manifest: Manifest) -> Manifest:
    return {name: value for name, value in manifest.items() if name not in {"metadata", "status"}}


def _merge_patched(live: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_patched(result.get(name), value)
    return result


def _check_version(kind: Kind, name: str, live: Manifest, wanted: Manifest) -> None:
    version = live["metadata"]["resourceVersion"]
    if wanted.get("resourceVersion", version) != version:
        changed = (
            "the object has been modified; please apply your changes to the latest version and try again"
        )
        raise statuses.conflict(kind, name, changed)


def _position(token: str) -> tuple[Key, str]:
    try:
        namespace, name, version = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise statuses.Refusal(400, "BadRequest", "continue key is not valid") from None
    return (namespace, name), version


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
