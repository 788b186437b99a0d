"""What entities remember: models that live in Temporal and outlive releases.

Rules of evolution: a field is never removed, renamed or retyped; a new field has a default; unknown fields are
ignored, so that an older worker can read what a newer one wrote.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of everything that is stored in or sent through Temporal."""

    model_config = ConfigDict(frozen=True, extra="ignore")
