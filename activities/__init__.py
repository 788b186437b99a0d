"""Temporal activities: one side effect each, one model in, one model out."""
