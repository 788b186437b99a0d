"""The HTTP side of emulated clusters: `/clusters/NAME/` and then the paths of a Kubernetes API."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import yaml
from aiohttp import web

from devcluster.emulated import discovery, statuses
from devcluster.emulated.cluster import Cluster, Event
from devcluster.emulated.discovery import Document
from devcluster.emulated.owning import Configuration, Manifest
from devcluster.emulated.schema import Kind, kinds
from devcluster.emulated.selecting import Selection

BOOKMARK_EVERY = 60.0
"""Seconds between bookmarks of a watch, as the real server sends them."""
_LONGEST_WATCH = 1800.0
_CONFIGURATIONS = 64
_MARK = {"Emulated": "true"}
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_RESOURCES = {(kind.api_version, kind.plural): kind for kind in kinds()}
_PARTIAL = "as=PartialObjectMetadata"


class Server:
    """Answers for all clusters of a process.

    Args:
        clusters: by name.
        token: the bearer token of the administrator, who is the only user.
    """

    def __init__(self, clusters: Mapping[str, Cluster], *, token: str) -> None:
        self._clusters = clusters
        self._authorization = f"Bearer {token}"
        self._read: OrderedDict[tuple[str, bytes], Configuration] = OrderedDict()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a refusal is a Status object, as everywhere in Kubernetes."""
        try:
            return await self._answer(request)
        except statuses.Refusal as refusal:
            return _json(refusal.body, status=refusal.code)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Authorization") != self._authorization:
            raise statuses.Refusal(401, "Unauthorized", "Unauthorized")
        if "Impersonate-User" in request.headers:
            raise statuses.missing("impersonation: there are no rules for anybody")
        if request.path == "/emulation":
            return _json(self._summary(request.query.get("resource", "")))
        parts = [part for part in request.path.split("/") if part]
        cluster = self._clusters.get(parts[1]) if len(parts) > 1 and parts[0] == "clusters" else None
        if cluster is None:
            return _nowhere()
        match parts[2:]:
            case ["readyz" | "livez" | "healthz"]:
                return web.Response(text="ok", headers=_MARK)
            case ["version"]:
                return _document(discovery.version(), request)
            case ["api" | "apis" as root]:
                aggregated = "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")
                return _document(discovery.aggregated(root) if aggregated else discovery.root(root), request)
            case ["apis", name] if (found := discovery.group(name)) is not None:
                return _document(found, request)
            case ["api", version, *rest]:
                return await self._served(request, cluster, version, rest)
            case ["apis", group, version, *rest]:
                return await self._served(request, cluster, f"{group}/{version}", rest)
            case ["openapi", *_]:
                raise statuses.missing("OpenAPI documents")
            case _:
                return _nowhere()

    async def _served(
        self, request: web.BaseRequest, cluster: Cluster, group_version: str, rest: list[str]
    ) -> web.StreamResponse:
        found = discovery.resources(group_version)
        if found is None:
            return _nowhere()
        if not rest:
            return _document(found, request)
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            namespace, rest = rest[1], rest[2:]
        kind = _RESOURCES.get((group_version, rest[0]))
        if kind is None:
            raise statuses.no_path()
        match rest[1:]:
            case []:
                return await self._collection(request, cluster, kind, namespace)
            case [name]:
                return await self._object(request, cluster, kind, (namespace, name))
            case [name, "status"] if kind.status and request.method == "PATCH":
                return await self._status(request, cluster, kind, (namespace, name))
            case [_, *deeper]:
                raise statuses.missing(f"{request.method} of {kind.plural}/{'/'.join(deeper)}")
        raise statuses.no_path()

    def _summary(self, resource: str) -> dict[str, Any]:
        """How much there is in all clusters together, for whoever measures; `holding` have some of a resource."""
        counts = [cluster.counts() for cluster in self._clusters.values()]
        total: Counter[str] = Counter()
        for one in counts:
            total.update(one)
        return {
            "clusters": len(counts),
            "objects": dict(sorted(total.items())),
            "holding": sum(bool(one.get(resource)) for one in counts),
            "writes": sum(int(cluster.version) for cluster in self._clusters.values()),
            "written_at": max((cluster.written_at for cluster in self._clusters.values()), default=0.0),
        }

    # -- collections --------------------------------------------------------------------------------------

    async def _collection(
        self, request: web.BaseRequest, cluster: Cluster, kind: Kind, namespace: str
    ) -> web.StreamResponse:
        query = request.query
        match request.method:
            case "POST":
                _only(query, {"fieldManager", "fieldValidation"}, "POST")
                body = await _read(request)
                return _json(cluster.create(kind, namespace, body, manager=_manager(request)), status=201)
            case "GET":
                selection = Selection.of(namespace, query)
                if query.get("watch") in {"true", "1"}:
                    return await self._watch(request, cluster, kind, selection)
                return self._list(request, cluster, kind, selection)
            case method:
                raise statuses.missing(f"{method} of a collection")

    @staticmethod
    def _list(
        request: web.BaseRequest, cluster: Cluster, kind: Kind, selection: Selection
    ) -> web.StreamResponse:
        query = request.query
        page = cluster.page(
            kind, selection, limit=int(query.get("limit") or 0), following=query.get("continue", "")
        )
        metadata: Manifest = {"resourceVersion": page.version}
        if page.following:
            metadata |= {"continue": page.following, "remainingItemCount": page.remaining}
        if _PARTIAL in request.headers.get("Accept", ""):
            listed, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            items = [_partial(item) for item in page.items]
        else:
            listed, api_version = f"{kind.kind}List", kind.api_version
            items = [
                {name: value for name, value in item.items() if name not in {"apiVersion", "kind"}}
                for item in page.items
            ]
        return _json({"kind": listed, "apiVersion": api_version, "metadata": metadata, "items": items})

    @staticmethod
    async def _watch(
        request: web.BaseRequest, cluster: Cluster, kind: Kind, selection: Selection
    ) -> web.StreamResponse:
        query = request.query
        since = query.get("resourceVersion", "")
        if not since or since == "0":
            raise statuses.missing("watches without a resourceVersion to go on from")
        partial = _PARTIAL in request.headers.get("Accept", "")
        events: asyncio.Queue[Event] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        ends = loop.time() + float(query.get("timeoutSeconds") or _LONGEST_WATCH)
        bookmark = loop.time() + BOOKMARK_EVERY
        let_go = cluster.follow(kind, since, events.put_nowait)
        response = web.StreamResponse(headers={**_MARK, "Content-Type": "application/json"})
        try:
            await response.prepare(request)
            while (now := loop.time()) < ends:
                try:
                    async with asyncio.timeout_at(min(ends, bookmark)):
                        seen = (await events.get()).seen(selection)
                except TimeoutError:
                    if now < ends and query.get("allowWatchBookmarks") in {"true", "1"}:
                        bookmark = loop.time() + BOOKMARK_EVERY
                        await response.write(_line("BOOKMARK", _bookmark(kind, cluster.version)))
                    continue
                if seen is not None:
                    await response.write(_line(seen[0], _partial(seen[1]) if partial else seen[1]))
        finally:
            let_go()
        return response

    # -- objects --------------------------------------------------------------------------------------------

    async def _object(
        self, request: web.BaseRequest, cluster: Cluster, kind: Kind, key: tuple[str, str]
    ) -> web.StreamResponse:
        content = request.headers.get("Content-Type", "").partition(";")[0]
        match request.method:
            case "GET":
                return _shown(request, cluster.get(kind, *key))
            case "PATCH" if content == _APPLY:
                return await self._apply(request, cluster, kind, key)
            case "PATCH" if content == _MERGE:
                _only(request.query, {"fieldManager", "fieldValidation"}, "PATCH")
                patch = await _read(request)
                return _shown(request, cluster.merge(kind, key, patch, manager=_manager(request)))
            case "PATCH":
                raise statuses.missing(f"patches of type {content}")
            case "DELETE":
                options = await _read(request) if request.can_read_body else {}
                _only(request.query, set(), "DELETE")
                if options.get("propagationPolicy") == "Orphan" or options.get("dryRun"):
                    raise statuses.missing("deletions that orphan or only try")
                return _json(cluster.delete(kind, key, options.get("preconditions") or {}))
            case method:
                raise statuses.missing(f"{method} of an object")

    async def _apply(
        self, request: web.BaseRequest, cluster: Cluster, kind: Kind, key: tuple[str, str]
    ) -> web.StreamResponse:
        query = request.query
        _only(query, {"fieldManager", "force", "dryRun", "fieldValidation"}, "apply")
        if not query.get("fieldManager"):
            message = "fieldManager: Required value: is required for apply patch"
            raise statuses.Refusal(422, "Invalid", f'PatchOptions.meta.k8s.io "" is invalid: {message}')
        wanted = self._configuration(kind, await request.read())
        if wanted.metadata.get("name", key[1]) != key[1] or (
            wanted.metadata.get("namespace", key[0]) != key[0] and kind.namespaced
        ):
            raise statuses.Refusal(
                400, "BadRequest", "the name or namespace of the object is not that of the URL"
            )
        if wanted.metadata.get("managedFields"):
            raise statuses.Refusal(400, "BadRequest", "metadata.managedFields must be nil")
        done, created = cluster.apply(
            kind,
            key,
            wanted,
            manager=query["fieldManager"],
            force=query.get("force") in {"true", "1"},
            dry_run=query.get("dryRun") == "All",
        )
        return _shown(request, done, status=201 if created else 200)

    def _configuration(self, kind: Kind, body: bytes) -> Configuration:
        """What a body says; many clusters are sent the same one."""
        key = (kind.resource, body)
        known = self._read.get(key)
        if known is None:
            known = self._read[key] = Configuration.of(_parsed(body), kind)
            if len(self._read) > _CONFIGURATIONS:
                self._read.popitem(last=False)
        return known

    async def _status(
        self, request: web.BaseRequest, cluster: Cluster, kind: Kind, key: tuple[str, str]
    ) -> web.StreamResponse:
        if request.headers.get("Content-Type") != _MERGE:
            raise statuses.missing("patches of a status other than merge patches")
        patch = await _read(request)
        done = cluster.merge(kind, key, patch, manager=_manager(request), subresource="status")
        return _shown(request, done)


def _only(query: Mapping[str, str], known: set[str], what: str) -> None:
    for name in query:
        if name not in known:
            raise statuses.missing(f"the option {name} of {what}")


def _manager(request: web.BaseRequest) -> str:
    return request.query.get("fieldManager") or request.headers.get("User-Agent", "unknown").partition("/")[0]


async def _read(request: web.BaseRequest) -> Manifest:
    return _parsed(await request.read())


def _parsed(body: bytes) -> Manifest:
    try:
        found = json.loads(body) if body.lstrip().startswith(b"{") else yaml.safe_load(body)
    except (ValueError, yaml.YAMLError) as error:
        raise statuses.Refusal(400, "BadRequest", f"the body cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise statuses.Refusal(400, "BadRequest", "the body is no object")
    return found


def _nowhere() -> web.Response:
    return web.Response(text="404 page not found\n", status=HTTPStatus.NOT_FOUND, headers=_MARK)


def _shown(request: web.BaseRequest, item: Manifest, *, status: int = HTTPStatus.OK) -> web.Response:
    return _json(_partial(item) if _PARTIAL in request.headers.get("Accept", "") else item, status=status)


def _partial(item: Manifest) -> Manifest:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item["metadata"]}


def _bookmark(kind: Kind, version: str) -> Manifest:
    metadata = {"resourceVersion": version, "creationTimestamp": None}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}


def _line(event: str, item: Manifest) -> bytes:
    return json.dumps({"type": event, "object": item}).encode() + b"\n"


def _json(content: Any, *, status: int = HTTPStatus.OK) -> web.Response:
    return web.Response(
        body=json.dumps(content).encode(), status=status, content_type="application/json", headers=_MARK
    )


def _document(found: Document, request: web.BaseRequest) -> web.Response:
    headers = {**_MARK, "Content-Type": found.content_type}
    if found.etag:
        headers["ETag"] = found.etag
        if request.headers.get("If-None-Match") == found.etag:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=found.body, headers=headers)
