"""The grammars of names, labels and pointers, each as one predicate.

Algorithm source: Kubernetes' documented syntax of object names and labels, RFC 1123 and RFC 6901.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NAME_PART = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", re.ASCII)

SUBDOMAIN_LENGTH = 253
LABEL_LENGTH = 63


def is_dns_label(text: str) -> bool:
    """Whether `text` is a DNS-1123 label: at most 63 of a-z, 0-9 and inner hyphens."""
    return len(text) <= LABEL_LENGTH and _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Whether `text` is a DNS-1123 subdomain: labels joined by dots, at most 253 characters."""
    if len(text) > SUBDOMAIN_LENGTH:
        return False
    return all(_DNS_LABEL.fullmatch(part) for part in text.split("."))


@lru_cache(maxsize=4096)
def is_label_key(text: str) -> bool:
    """Whether `text` is a label or annotation key: a name, optionally after `prefix.example/`."""
    prefix, slash, name = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return len(name) <= LABEL_LENGTH and _NAME_PART.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def is_label_value(text: str) -> bool:
    """Whether `text` is a label value: empty, or at most 63 characters that begin and end alphanumeric."""
    return not text or (len(text) <= LABEL_LENGTH and _NAME_PART.fullmatch(text) is not None)


def is_json_pointer(text: str) -> bool:
    """Whether `text` is an RFC 6901 pointer: empty, or beginning with a slash."""
    return not text or text.startswith("/")
