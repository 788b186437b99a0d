"""What entities remember: models that live in Temporal and outlive releases.

Rules of evolution: a field is never removed, renamed or retyped; a new field has a default; unknown fields are
ignored, so that an older worker can read what a newer one wrote.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class Record(BaseModel):
    """Base of everything that is stored in or sent through Temporal."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class BriefRecord(Record):
    """A record that is written without what is as by default, because a fan-out writes a thousand of it."""

    @model_serializer(mode="wrap")
    def _briefly(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        return {
            name: value
            for name, value in written.items()
            if fields[name].is_required() or getattr(self, name) != fields[name].default
        }
