"""Pydantic models of the YAML that users write, and exact quantity arithmetic."""
