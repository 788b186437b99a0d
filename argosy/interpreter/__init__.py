"""The meaning of each kind: replicas, pruning, status and health. Pure."""
