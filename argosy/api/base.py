"""The base of every model of user-written YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Frozen, camelCase on the outside, and strict: an unknown field is an error, never dropped."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )

    def as_yaml_object(self) -> dict[str, Any]:
        """The model as its user would write it: camelCase, without what was left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
