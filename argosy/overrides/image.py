"""Image overriders: registry, repository and tag of container images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from argosy.api.override import ImageOverrider
from argosy.errors import OverrideError

# The reference grammar of the distribution project: host, path components, tag, digest.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]+)?"
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?::(?P<tag>[\w][\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST.pattern}))?",
    re.ASCII,
)
_POD_TEMPLATES = {"ReplicaSet", "Deployment", "DaemonSet", "StatefulSet", "Job"}


@dataclass
class Image:
    """An image reference in parts; it has a tag or a digest, never both."""

    host: str
    repository: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """Read a reference.

        Raises:
            OverrideError: it is not one.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None:
            raise OverrideError(f"{text!r} is not an image reference; correct it in the template")
        first, slash, rest = match["name"].partition("/")
        is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        tag = match["tag"] or ""
        return cls(
            host=first if is_host else "",
            repository=rest if is_host else match["name"],
            tag=tag,
            digest="" if tag else match["digest"] or "",
        )

    def change(self, overrider: ImageOverrider) -> None:
        """Apply one overrider to this image."""
        value = "" if overrider.operator == "remove" else overrider.value
        added = overrider.operator == "add"
        match overrider.component:
            case "Registry":
                self.host = self.host + value if added else value
            case "Repository":
                self.repository = self.repository + value if added else value
            case "Tag":
                self._set_version((self.tag or self.digest) + value if added else value)

    def _set_version(self, value: str) -> None:
        if not value:
            self.tag = self.digest = ""
        elif _TAG.fullmatch(value):
            self.tag, self.digest = value, ""
        elif _DIGEST.fullmatch(value):
            self.tag, self.digest = "", value

    def __str__(self) -> str:
        name = f"{self.host}/{self.repository}" if self.host else self.repository
        if self.tag:
            return f"{name}:{self.tag}"
        return f"{name}@{self.digest}" if self.digest else name


def override_images(manifest: dict[str, Any], overrider: ImageOverrider) -> None:
    """Change images in place: at the predicate's path, or of every regular container of a known kind.

    Raises:
        OverrideError: the path does not lead to an image, or an image cannot be read.
    """
    if overrider.predicate is not None:
        _at_path(manifest, overrider.predicate.path, overrider)
        return
    kind = manifest.get("kind")
    spec = manifest.get("spec") or {}
    if kind in _POD_TEMPLATES:
        spec = (spec.get("template") or {}).get("spec") or {}
    elif kind != "Pod":
        return
    for container in spec.get("containers") or ():
        if "image" in container:
            container["image"] = _changed(container["image"], overrider)


def _at_path(manifest: dict[str, Any], path: str, overrider: ImageOverrider) -> None:
    if not path.startswith("/"):
        raise OverrideError(f"predicate path {path!r} must begin with a slash")
    *parents, last = path[1:].split("/")
    current: Any = manifest
    for part in parents:
        current = _step(current, part, path)
    container = current
    image = _step(container, last, path)
    container[int(last) if isinstance(container, list) else last] = _changed(image, overrider)


def _step(container: Any, part: str, path: str) -> Any:
    try:
        if isinstance(container, list):
            return container[int(part)]
        if isinstance(container, dict):
            return container[part]
    except (KeyError, IndexError, ValueError):
        pass
    raise OverrideError(
        f"predicate path {path!r} leads nowhere at {part!r}; correct it in the override policy"
    )


def _changed(image: Any, overrider: ImageOverrider) -> str:
    if not isinstance(image, str):
        raise OverrideError("the predicate path leads to something that is not a string; correct it")
    parsed = Image.parse(image)
    parsed.change(overrider)
    return str(parsed)
