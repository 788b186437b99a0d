"""Argosy: durable multi-cluster propagation for Kubernetes."""

__version__ = "0.1.0"
