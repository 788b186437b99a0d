"""How live objects fare: what the interpreter says, for activities that see many of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from argosy.api.health import Assessment, ObjectHealth
from argosy.errors import ArgosyError
from argosy.interpreter.registry import health_of

Assess = Callable[[dict[str, Any]], Awaitable[Assessment]]
"""An object, with whatever status it has -> how it fares. Never raises: what cannot be told is Unknown."""


async def assess(manifest: dict[str, Any]) -> Assessment:
    """What the rules of its kind say; Unknown where they cannot read it."""
    try:
        return health_of(manifest)
    except ArgosyError as error:
        return Assessment(health=ObjectHealth.UNKNOWN, message=str(error))
