"""What MkDocs calls while it builds the site: parts that come from the code, and links into the repository.

A page says `<!-- from the code: settings -->` where a part is to stand. A link to a file outside of this folder leads
to a copy of that file in the site, so that everything can be read without a network.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from docs.making.parts import PARTS  # noqa: E402 - found by the path that was just set

HOME = "README.md"
_PART = re.compile(r"^<!-- from the code: (\w+) -->$", re.MULTILINE)
_LINK = re.compile(r"(\]\()([^)#:\s]+)(#[^)\s]*)?(\))")
_CODE = re.compile(r"`[^`]+`")
_FENCE = re.compile(r"^ *```")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the first page, and every file of the repository that a page links to."""
    files.append(File.generated(config, "index.md", abs_src_path=str(ROOT / HOME)))
    pending = [file.src_uri for file in files.documentation_pages()]
    seen: set[str] = set()
    while pending:
        uri = pending.pop()
        for path in _outside(uri):
            if path in seen:
                continue
            seen.add(path)
            files.append(File.generated(config, _uri_of(path), abs_src_path=str(ROOT / path)))
            if path.endswith(".md"):
                pending.append(_uri_of(path))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Fill in what comes from the code, and turn links to where their targets are in the site."""
    filled = _PART.sub(lambda found: PARTS[found.group(1)](), markdown)
    return "\n".join(_lines(filled, page.file.src_uri))


def _lines(markdown: str, uri: str) -> list[str]:
    lines, fenced = [], False
    for line in markdown.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        lines.append(line if fenced else _LINK.sub(lambda found: _turned(found, uri), _unescaped(line)))
    return lines


def _unescaped(line: str) -> str:
    """A row of a table as this Markdown wants it: a bar in code needs no backslash, where GitHub wants one."""
    return _CODE.sub(lambda found: found[0].replace("\\|", "|"), line) if line.startswith("|") else line


def _turned(found: re.Match[str], uri: str) -> str:
    path = _target(uri, found.group(2))
    if path is None:
        return found.group(0)
    link = posixpath.relpath(_uri_of(path), posixpath.dirname(uri) or ".")
    return f"{found.group(1)}{link}{found.group(3) or ''}{found.group(4)}"


def _outside(uri: str) -> list[str]:
    """The files outside of this folder that a page links to."""
    text = (ROOT / _path_of(uri)).read_text(encoding="utf-8")
    found = (_target(uri, match.group(2)) for match in _LINK.finditer(text))
    return [path for path in found if path is not None and path != HOME and not path.startswith("docs/")]


def _target(uri: str, link: str) -> str | None:
    """The file of the repository that a link of a page means; a folder is its README."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(_path_of(uri)), link))
    if (ROOT / path).is_dir():
        path = posixpath.join(path, "README.md")
    return path if not path.startswith("..") and (ROOT / path).is_file() else None


def _path_of(uri: str) -> str:
    if uri == "index.md":
        return HOME
    return uri.removeprefix("repository/") if uri.startswith("repository/") else f"docs/{uri}"


def _uri_of(path: str) -> str:
    if path == HOME:
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"
