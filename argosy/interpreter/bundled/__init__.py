"""Kinds of other projects that Karmada knows as well, by rules of our own."""

from __future__ import annotations

from collections.abc import Mapping

from argosy.interpreter.kind import Kind

KINDS: Mapping[tuple[str, str], Kind] = {}
"""By apiVersion and kind."""
