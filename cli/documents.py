"""What the user names on the command line: files become templates and policies, words become kinds and names."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from argosy.api import documents
from argosy.api.base import to_manifest
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.names import parse_kind
from argosy.api.override import AnyOverridePolicy
from argosy.api.parsing import AnyInterpreter, parse_interpreter, parse_rebalancer
from argosy.api.policyset import INTERPRETER_KINDS, OVERRIDE_KINDS, TAINT_KINDS
from argosy.api.rebalancer import WorkloadRebalancer
from argosy.errors import InvalidInput
from argosy.interpreter.customized import script_problems
from argosy.interpreter.lua.pool import LuaPool

_OVERRIDE: TypeAdapter[AnyOverridePolicy] = TypeAdapter(AnyOverridePolicy)
_NAMESPACED_POLICIES = {"PropagationPolicy", "OverridePolicy"}
_CLUSTER_POLICIES = {"ClusterPropagationPolicy", "ClusterOverridePolicy", *INTERPRETER_KINDS, *TAINT_KINDS}


@dataclass
class Batch:
    """Everything that was read and found valid.

    Attributes:
        policies: by scope, None is the cluster's; interpreters are among those.
        interpreters: where each customization and webhook configuration stands, and what it says.
    """

    policies: dict[str | None, list[dict[str, Any]]] = field(default_factory=dict)
    templates: list[dict[str, Any]] = field(default_factory=list)
    rebalancers: list[WorkloadRebalancer] = field(default_factory=list)
    interpreters: list[tuple[str, AnyInterpreter]] = field(default_factory=list)

    @property
    def refs(self) -> list[ResourceRef]:
        """The templates' references, in order."""
        return [ref_of(template) for template in self.templates]

    def override_policies(self) -> Iterator[AnyOverridePolicy]:
        """The override policies, of every scope."""
        for manifests in self.policies.values():
            for manifest in manifests:
                if manifest["kind"] in OVERRIDE_KINDS:
                    yield _OVERRIDE.validate_python(manifest)

    @classmethod
    def read(
        cls, filenames: Sequence[str], *, recursive: bool, namespace: str | None, for_deletion: bool = False
    ) -> Batch:
        """Read and check everything before anything is sent.

        Args:
            for_deletion: what is only to be deleted need not be valid in every field.

        Raises:
            InvalidInput: something cannot be read, is wrong, or is there twice.
        """
        found = documents.read(filenames, recursive=recursive, stdin=sys.stdin.buffer, namespace=namespace)
        return cls.of(found, for_deletion=for_deletion)

    @classmethod
    def of(cls, found: Sequence[documents.Document], *, for_deletion: bool = False) -> Batch:
        """Check documents that were read.

        Raises:
            InvalidInput: something is wrong, or is there twice.
        """
        batch = cls()
        seen: dict[tuple[str, str | None, str, str], documents.Document] = {}
        for document in found:
            ref = ref_of(document.manifest)
            key = (ref.group, ref.namespace, ref.kind, ref.name)
            if key in seen:
                raise InvalidInput(f"{document}: is there twice, first in {seen[key]}; keep one")
            seen[key] = document
            if document.is_policy:
                manifest = document.manifest if for_deletion else to_manifest(documents.policy_of(document))
                scope = document.manifest["metadata"].get("namespace")
                batch.policies.setdefault(scope, []).append(manifest)
            elif document.is_taint_policy:
                manifest = (
                    document.manifest if for_deletion else to_manifest(documents.taint_policy_of(document))
                )
                batch.policies.setdefault(None, []).append(manifest)
            elif document.is_interpreter:
                interpreter = parse_interpreter(document)
                batch.interpreters.append((str(document), interpreter))
                batch.policies.setdefault(None, []).append(to_manifest(interpreter))
            elif document.is_rebalancer:
                batch.rebalancers.append(parse_rebalancer(document))
            else:
                documents.check_template(document)
                batch.templates.append(document.manifest)
        return batch


async def check_scripts(batch: Batch) -> None:
    """Compile every script of the customizations, without running any.

    Raises:
        InvalidInput: some do not load.
    """
    customizations = [
        (place, one) for place, one in batch.interpreters if isinstance(one, ResourceInterpreterCustomization)
    ]
    if not customizations:
        return
    async with LuaPool(size=1) as pool:
        for place, one in customizations:
            problems = [str(problem) for problem in await script_problems(one, pool)]
            if problems:
                raise InvalidInput(f"{place}: {'; '.join(problems)}.")


def wanted(words: Sequence[str]) -> tuple[str | None, str, str]:
    """The group, kind and name that KIND NAME or KIND/NAME means; a kind that is not built in stays as it is written.

    Raises:
        InvalidInput: it is neither.
    """
    parts = words[0].split("/", 1) if len(words) == 1 else list(words)
    if len(parts) != 2 or not all(parts):
        raise InvalidInput(
            f"{' '.join(words)!r} is not KIND NAME or KIND/NAME; write for example `deployment web`"
        )
    try:
        group, kind = parse_kind(parts[0])
    except InvalidInput:
        # What is propagated may have a kind of such a name.
        kind, _, rest = parts[0].partition(".")
        if not re.fullmatch("[a-z][a-z0-9]*", kind) or not re.fullmatch("[a-z0-9.-]*", rest):
            raise
        group = rest or None
    return group, kind, parts[1]


def policy_scope(kind: str, namespace: str | None) -> tuple[bool, str | None]:
    """Whether a kind is a policy, and the scope it then lives in."""
    if kind in _CLUSTER_POLICIES:
        return True, None
    return kind in _NAMESPACED_POLICIES, namespace or documents.DEFAULT_NAMESPACE
