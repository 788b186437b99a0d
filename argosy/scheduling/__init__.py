"""Placement: which clusters an object goes to, how replicas are divided, and why. Pure."""
