"""Problems of resource interpreter customizations; whether their scripts load is for the Lua processes to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from argosy.api.customization import Operation, ResourceInterpreterCustomization
from argosy.api.formats import is_dns_subdomain
from argosy.api.validation.problem import Problem


def customization_problems(customization: ResourceInterpreterCustomization) -> Iterator[Problem]:
    """What is wrong with one customization by itself."""
    if not is_dns_subdomain(customization.name):
        yield Problem(
            path="metadata.name",
            message=f"is {customization.name[:80]!r}",
            remedy="use at most 253 lower-case letters, digits, and inner hyphens and dots",
        )
    target = customization.spec.target
    for field, value in (("apiVersion", target.api_version), ("kind", target.kind)):
        if not value:
            yield Problem(
                path=f"spec.target.{field}", message="is empty", remedy=f"write the {field} of the kind"
            )


def conflicts(
    customization: ResourceInterpreterCustomization, others: Iterable[ResourceInterpreterCustomization]
) -> Iterator[Problem]:
    """Which operations of the same kind `others` have a script for already; one of the same name is no other.

    Dependencies are joined, so that any number of customizations may name some.
    """
    own = customization.spec.customizations.scripts().keys() - {Operation.DEPENDENCIES}
    for other in others:
        if other.name == customization.name or other.spec.target != customization.spec.target:
            continue
        for operation in sorted(own & other.spec.customizations.scripts().keys()):
            yield Problem(
                path=f"spec.customizations.{operation}",
                message=f"is defined by {other.name} too",
                remedy="keep one of them",
            )
