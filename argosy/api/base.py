"""What all models share: Kubernetes' spelling, immutability and refusal of unknown fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """A frozen part of a Kubernetes object, read by the names of its YAML and refusing unknown ones.

    A model holds what was written: nothing is defaulted here (see `argosy.api.defaults`), and only types
    and enumerations are checked (the rest is `argosy.api.validation`). As in Kubernetes a null counts as
    absent, so a field without a default cannot be satisfied by null.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        extra="forbid",
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            return {key: value for key, value in data.items() if value is not None}
        return data


class KubernetesObject(Model):
    """A model that stands alone in a document; subclasses pin `api_version` and `kind`.

    Attributes:
        namespaced: whether objects of this kind live in a namespace.
    """

    namespaced: ClassVar[bool] = False


def to_manifest(model: Model) -> dict[str, Any]:
    """Return `model` as the JSON-like mapping Kubernetes would store.

    Values equal to their default are left out, as `omitempty` does, so that the answer depends on the
    value alone and not on how it was built. Nulls inside free-form values are kept: they mean something.
    """
    manifest: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(model, KubernetesObject):
        identity = model.model_dump(include={"api_version", "kind"}, by_alias=True)
        return identity | manifest
    return manifest


def _text_only(value: Any) -> Any:
    if isinstance(value, int | float):
        msg = "a number is no time; write one such as 2025-01-31T12:00:00Z"
        raise ValueError(msg)  # noqa: TRY004  pydantic collects ValueError only
    return value


Int32 = Annotated[int, Strict(), Field(ge=-(2**31), le=2**31 - 1)]
"""A Kubernetes int32: no strings, no booleans."""
Int64 = Annotated[int, Strict(), Field(ge=-(2**63), le=2**63 - 1)]
Bool = Annotated[bool, Strict()]
"""A boolean proper: `"yes"` and 1 are refused as the API server refuses them."""
Timestamp = Annotated[AwareDatetime, BeforeValidator(_text_only)]
"""A point in time, written as RFC 3339 text."""
