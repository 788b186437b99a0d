"""Access rules: whom a worker acts as in member clusters, and which objects it touches at all. All of it pure.

With rules everything is refused that they do not permit: a cluster that no rule is about, an object that no entry of an
allow list covers, and, where a cluster's rules impersonate, an object that no entry of these covers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from argosy.api.base import Bool, Model
from argosy.api.membership import NAME_PATTERN
from argosy.api.parsing import read_model
from argosy.errors import Forbidden

_PATTERN = re.compile(r"[A-Za-z0-9.*-]+")
_DNS_NAME = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
_ACCOUNT = re.compile(rf"({_DNS_NAME}/)?{_DNS_NAME}")
_NO_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]+)?")
_CORE = "v1"


@dataclass(frozen=True)
class Touched:
    """The object that is about to be touched.

    Attributes:
        group: empty for the core group.
        namespace: None where the cluster serves the kind without namespaces, whatever a manifest says.
    """

    group: str
    kind: str
    name: str
    namespace: str | None = None

    def __str__(self) -> str:
        """`apps/Deployment in namespace team-a`, as an entry would name it."""
        within = f" in namespace {self.namespace}" if self.namespace else " (cluster scope)"
        return f"{self.group or _CORE}/{self.kind}{within}"


@dataclass(frozen=True)
class Identity:
    """Who a request is made as; an empty user is the worker's own identity."""

    user: str = ""
    groups: tuple[str, ...] = ()


# -- rules ----------------------------------------------------------------------------------------------


class _Scope(Model):
    """Where an entry counts.

    Attributes:
        namespaces: names or patterns in which `*` stands for any text.
        cluster_scoped: whether it counts for objects that live in no namespace too.
    """

    namespaces: tuple[str, ...] = ()
    cluster_scoped: Bool = False

    @model_validator(mode="after")
    def _somewhere(self) -> _Scope:
        if not self.namespaces and not self.cluster_scoped:
            raise ValueError("it counts nowhere; add namespaces, or clusterScoped: true")
        for pattern in self.namespaces:
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(f'"{pattern}" is no name of a namespace and no pattern with *; correct it')
        return self


class Impersonation(_Scope):
    """Whom the worker acts as in some namespaces; exactly one of the three is set.

    Attributes:
        service_account: NAMESPACE/NAME; NAME alone is the account in the object's own namespace.
        user: the name of a user.
        groups: of the user; the server adds `system:authenticated` by itself.
        worker: nobody else: the worker's own identity.
    """

    service_account: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    worker: Bool = False

    @model_validator(mode="after")
    def _somebody(self) -> Impersonation:
        if [bool(self.service_account), bool(self.user), self.worker].count(True) != 1:
            raise ValueError(
                "it names no single identity; write one of serviceAccount, user and worker: true"
            )
        if self.groups and not self.user:
            raise ValueError(
                "groups go with a user; remove them, because the server knows those of an account"
            )
        if any(not _is_header(value) for value in (self.user, *self.groups)):
            raise ValueError("user and groups are plain ASCII text without spaces at the ends; correct them")
        if self.service_account:
            self._check_account()
        return self

    def identity(self, touched: Touched) -> Identity:
        """The identity for an object that this entry covers."""
        if not self.service_account:
            return Identity(self.user, self.groups)
        namespace, _, name = self.service_account.rpartition("/")
        return Identity(f"system:serviceaccount:{namespace or _home(touched)}:{name}")

    def covers(self, touched: Touched) -> bool:
        """Whether it says who touches an object; a Namespace counts as living in itself."""
        home = _home(touched)
        return _any(self.namespaces, home) if home else self.cluster_scoped

    def _check_account(self) -> None:
        if not _ACCOUNT.fullmatch(self.service_account):
            raise ValueError(f'"{self.service_account}" is no service account; write NAMESPACE/NAME, or NAME')
        if self.cluster_scoped and "/" not in self.service_account:
            raise ValueError("what lives in no namespace has no account of its own; write NAMESPACE/NAME")


class Allowance(_Scope):
    """Objects that may be touched.

    Attributes:
        kinds: `GROUP/KIND`, the core group being `v1`; `*` stands for any text on either side.
    """

    kinds: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _readable(self) -> Allowance:
        for pattern in self.kinds:
            parts = pattern.split("/")
            if pattern != "*" and (len(parts) != 2 or not all(map(_PATTERN.fullmatch, parts))):
                raise ValueError(
                    f'"{pattern}" names no kinds; write GROUP/KIND without a version, such as apps/Deployment, '
                    "apps/* or v1/ConfigMap"
                )
            if pattern != "*" and _NO_VERSION.fullmatch(parts[0]) and parts[0] != _CORE:
                raise ValueError(
                    f'"{pattern}" begins with a version; write the group, or v1 for the core group'
                )
        return self

    def covers(self, touched: Touched) -> bool:
        """Whether it permits an object; a Namespace needs `clusterScoped` and a name among the namespaces."""
        if touched.namespace is None and not self.cluster_scoped:
            return False
        home = _home(touched)
        if home and not _any(self.namespaces, home):
            return False
        return any(self._names(pattern, touched) for pattern in self.kinds)

    @staticmethod
    def _names(pattern: str, touched: Touched) -> bool:
        group, _, kind = pattern.partition("/") if "/" in pattern else ("*", "", "*")
        return _matches(group, touched.group or _CORE) and _matches(kind, touched.kind)


class AccessRule(Model):
    """What counts in some clusters; the rules about a cluster count together.

    Attributes:
        name: shows in errors; no two rules share one.
        clusters: names, or `*` for every cluster.
        impersonate: the first entry that covers an object says who touches it; left out, the worker itself does.
        allow: what may be touched; left out, everything, and an empty list permits nothing.
    """

    name: str = Field(min_length=1)
    clusters: tuple[str, ...] = Field(min_length=1)
    impersonate: tuple[Impersonation, ...] | None = None
    allow: tuple[Allowance, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_not_everything(cls, data: Any) -> Any:
        # Elsewhere a null counts as absent; here that would turn a list whose entries are gone into no list at all.
        for field in ("allow", "impersonate"):
            if isinstance(data, Mapping) and field in data and data[field] is None:
                raise ValueError(f"{field} is empty; write [] where it is to permit nothing, or leave it out")
        return data

    @model_validator(mode="after")
    def _clusters_can_be(self) -> AccessRule:
        for name in self.clusters:
            if name != "*" and not re.fullmatch(NAME_PATTERN, name):
                raise ValueError(f'"{name}" cannot be the name of a cluster; write one, or *')
        return self

    def is_about(self, cluster: str) -> bool:
        return "*" in self.clusters or cluster in self.clusters


class AccessRules(Model):
    """The file of the setting `ARGOSY_ACCESS`.

    Attributes:
        rules: at least one.
    """

    api_version: Literal["argosy.dev/v1alpha1"]
    kind: Literal["AccessRules"]
    rules: tuple[AccessRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_apart(self) -> AccessRules:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.name in seen:
                raise ValueError(f'two rules are called "{rule.name}"; rename one')
            seen.add(rule.name)
        return self


def parse_access(text: str, *, source: str) -> AccessRules:
    """The rules in `text`, which `source` names in messages.

    Raises:
        InvalidInput: it is not one document with rules; names the place and the remedy.
    """
    return read_model(text, AccessRules, source=source)


# -- deciding -------------------------------------------------------------------------------------------


def identity_for(rules: AccessRules, cluster: str, touched: Touched) -> Identity:
    """Whom an object of a cluster is touched as.

    Raises:
        Forbidden: it may not be touched; names the rules and the remedy.
    """
    about = [rule for rule in rules.rules if rule.is_about(cluster)]
    if not about:
        raise Forbidden(f"no access rule is about cluster {cluster}; add one that names it to ARGOSY_ACCESS")
    listing = [rule for rule in about if rule.allow is not None]
    if listing and not any(entry.covers(touched) for rule in listing for entry in rule.allow or ()):
        raise Forbidden(
            f"the allow list of access {_called(listing)} does not have {touched}; add it there if it is meant to be "
            "touched"
        )
    acting = [rule for rule in about if rule.impersonate is not None]
    entries = (entry for rule in acting for entry in rule.impersonate or ())
    found = next((entry for entry in entries if entry.covers(touched)), None)
    if found is not None:
        return found.identity(touched)
    if acting:
        raise Forbidden(
            f"access {_called(acting)} impersonates nobody for {touched}; add an entry for it, with worker: true if "
            "the worker's own identity is meant"
        )
    return Identity()


def _called(rules: Iterable[AccessRule]) -> str:
    names = [f'"{rule.name}"' for rule in rules]
    return f"rule {names[0]}" if len(names) == 1 else f"rules {', '.join(names)}"


def _home(touched: Touched) -> str:
    """The namespace that an object lives in or is; empty for what has to do with none."""
    if touched.namespace is None and (touched.group, touched.kind) == ("", "Namespace"):
        return touched.name
    return touched.namespace or ""


def _any(patterns: Iterable[str], value: str) -> bool:
    return any(_matches(pattern, value) for pattern in patterns)


def _matches(pattern: str, value: str) -> bool:
    """Whether the whole value fits; linear in its length, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == value
    *middle, last = rest
    if not value.startswith(first) or len(value) < len(first) + len(last) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _is_header(value: str) -> bool:
    return value == value.strip() and value.isascii() and value.isprintable()
