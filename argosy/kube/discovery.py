"""Asking a cluster which kinds it serves; the answer is kept with the connection."""

from __future__ import annotations

import asyncio
import time
from hashlib import sha256

from argosy.api.manifest import ResourceRef
from argosy.errors import ArgosyError, NotEstablished, Unauthorized, Unreachable
from argosy.kube.catalog import Catalog, Key, Listing, Served, aggregated, group_versions, unaggregated
from argosy.kube.connect import JSON, Member

REFRESH_EVERY = 0.5
"""Seconds between readings because of kinds that are not served; a CRD takes about one to be established."""
SHARED_LISTINGS = 64
"""Different discovery documents that a process remembers."""
_LISTINGS: dict[bytes, Listing] = {}
_ROOTS = ("/api", "/apis")
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"
_AGGREGATED = f"{_DISCOVERY};v=v2,{_DISCOVERY};v=v2beta1,{JSON}"
# Kinds that every API server has under the same path, so that the first apply need not wait for discovery.
_UNIVERSAL: dict[Key, Served] = {
    (version, kind): Served(version, kind, f"{kind.lower()}s", namespaced=True)
    for version, kinds in {
        "v1": ("ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim"),
        "apps/v1": ("Deployment", "StatefulSet", "DaemonSet"),
        "batch/v1": ("Job", "CronJob"),
    }.items()
    for kind in kinds
}


async def served(member: Member, ref: ResourceRef) -> Served:
    """How the cluster serves the kind of `ref`; asks the cluster where that is not known.

    Raises:
        NotEstablished: the kind is not served (yet).
        ArgosyError: the cluster did not answer.
    """
    key = (ref.api_version, ref.kind)
    if found := _UNIVERSAL.get(key):
        return found
    catalog = member.catalog
    found = catalog.served.get(key) if catalog is not None else None
    # A scope that does not fit the object may have changed since.
    if catalog is None or found is None or found.namespaced != bool(ref.namespace):
        if catalog is None or time.monotonic() - catalog.read_at > REFRESH_EVERY:
            catalog = await discover(member)
        found = catalog.served.get(key)
    if found is not None:
        return found
    doubt = "" if catalog.complete else " (one of its API groups does not answer)"
    raise NotEstablished(
        f"{member.name}: kind {ref.kind} of {ref.api_version} is not served there yet{doubt}; "
        "install or propagate its CRD"
    )


async def served_kind(member: Member, key: Key) -> Served:
    """How the cluster serves a kind, whatever the object.

    Raises:
        NotEstablished: the kind is not served (yet), or cannot be watched.
        ArgosyError: the cluster did not answer.
    """
    catalog = member.catalog
    if catalog is None or (key not in catalog.served and time.monotonic() - catalog.read_at > REFRESH_EVERY):
        catalog = await discover(member)
    found = catalog.served.get(key)
    if found is None or "watch" not in found.verbs:
        raise NotEstablished(f"{member.name}: kind {key[1]} of {key[0]} cannot be watched there")
    return found


async def discover(member: Member) -> Catalog:
    """Read the whole catalog from the cluster; concurrent callers share one reading.

    Raises:
        ArgosyError: the cluster did not answer; a single group that does not makes the catalog incomplete.
    """
    asked = time.monotonic()
    async with member.discovering:
        known = member.catalog
        if known is not None and known.read_at > asked:
            return known
        # Read before it is asked for: what is established in between shows up in the next reading.
        read_at = time.monotonic()
        listings = {
            root: await _listing(member, root, known.listings.get(root) if known else None) for root in _ROOTS
        }
        member.catalog = Catalog(listings=listings, read_at=read_at)
        return member.catalog


async def _listing(member: Member, root: str, known: Listing | None) -> Listing:
    what = "discover its APIs"
    headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}
    response = await member.send("GET", root, what=what, accept=_AGGREGATED, headers=headers.items())
    if response.status == 304 and known is not None:
        return known
    member.check(response, what=what, path=root)
    # Many clusters have the same documents, and each of them would otherwise keep its own of hundreds of kinds.
    digest = sha256(response.body).digest()
    shared = _LISTINGS.get(digest)
    if shared is not None and shared.etag == response.headers.get("ETag", ""):
        return shared
    document = member.parsed(response, what=what)
    if document.get("kind") == "APIGroupDiscoveryList":
        listing = _LISTINGS[digest] = aggregated(document, etag=response.headers.get("ETag", ""))
        if len(_LISTINGS) > SHARED_LISTINGS:
            del _LISTINGS[next(iter(_LISTINGS))]
        return listing
    return await _one_by_one(member, root, group_versions(document))


async def _one_by_one(member: Member, root: str, names: list[str]) -> Listing:
    """Discovery as servers before Kubernetes 1.27 offer it: a request for each group version."""
    answers = await asyncio.gather(
        *(member.request("GET", f"{root}/{name}", what=f"discover {name}") for name in names),
        return_exceptions=True,
    )
    served: list[Served] = []
    complete = True
    for answer in answers:
        if isinstance(answer, Unreachable | Unauthorized) or (
            isinstance(answer, BaseException) and not isinstance(answer, ArgosyError)
        ):
            raise answer
        if isinstance(answer, BaseException):
            complete = False
        else:
            served += unaggregated(answer)
    return Listing(served=tuple(served), complete=complete)
