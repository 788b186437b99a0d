"""The entity workflows and their options."""
