"""The documentation site: it builds, needs no network, leaves nothing out, and says what the program says."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from argosy import errors
from argosy.api.base import Model
from argosy.config import PREFIX, Settings
from docs.making import commands, models, tables
from docs.making.parts import KINDS, POLICIES
from tests.deploy.commands import check_command

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md"), *(ROOT / "examples").glob("**/*.md")])
# What a browser fetches without being asked to follow a link.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does it."""
    directory = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", directory],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"a page that nav does not have, or a link that leads nowhere:\n{done.stderr}"
    )
    return directory


def text_of(site: Path, page: str) -> str:
    return (site / page).read_text(encoding="utf-8")


def test_a_browser_fetches_nothing_from_elsewhere(site: Path) -> None:
    class Fetched(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            address = given.get(FETCHED.get(tag, ""), "") or ""
            if re.match(r"(https?:)?//", address) and given.get("rel") != "canonical":
                found.append(f"{page.name}: {address}")

    found: list[str] = []
    for page in site.rglob("*.html"):
        Fetched().feed(page.read_text(encoding="utf-8"))
    found += [
        path.name
        for path in (*site.rglob("*.svg"), *site.rglob("*.css"))
        if re.search(r"(url\(|href=|@import )[\"']?https?:", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_command_is_in_the_reference(site: Path) -> None:
    page = text_of(site, "reference/commands.html")
    names = [name for name, _ in commands.public()]
    assert {"argosy apply", "argosy cluster join", "argosy dev kill", "argosy serve"} <= set(names)
    for name, command in commands.public():
        assert f'id="{name.replace(" ", "-")}"' in page, name
        for option in command.params:
            for opt in option.opts if option.param_type_name == "option" else ():
                assert opt in page, f"{name} {opt}"


def test_every_setting_is_in_the_reference(site: Path) -> None:
    page = text_of(site, "reference/settings.html")
    for name in Settings.model_fields:
        assert f"<code>{PREFIX}{name.upper()}</code>" in page, name
    assert all(field.description for field in Settings.model_fields.values())


def test_every_error_is_in_the_reference(site: Path) -> None:
    page = text_of(site, "reference/errors.html")
    for kind in (errors.Unreachable, errors.Conflict, errors.Superseded, errors.InvalidInput):
        assert f"<code>{kind.__name__}</code>" in page


@pytest.mark.parametrize("model", models.parts((*POLICIES, *KINDS)), ids=lambda model: model.__name__)
def test_every_field_has_a_meaning(model: type[Model]) -> None:
    assert [name for name, _, meaning in models.fields(model) if not meaning] == []
    assert model.__doc__
    told = models.meanings(model)
    assert [name for name in told if name not in model.model_fields and not hasattr(model, name)] == []


def test_every_label_annotation_and_taint_has_a_meaning() -> None:
    found = {one.text: one.meaning for one in tables.names()}
    assert [text for text, meaning in found.items() if not meaning] == []
    written = set()
    for package in ("argosy", "activities", "workflows", "cli", "worker", "serve"):
        for path in (ROOT / package).rglob("*.py"):
            literals = re.findall(r'"(argosy\.dev/[\w-]+)"', path.read_text(encoding="utf-8"))
            written |= {name for name in literals if not name.endswith("/v1alpha1")}
    assert written <= found.keys()


# -- what the pages say -----------------------------------------------------------------------------------


def blocks(path: Path, language: str) -> Iterator[str]:
    yield from re.findall(
        rf"^ *```{language}\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def shown_commands(path: Path) -> Iterator[list[str]]:
    """The words of each `argosy …` in the page's consoles, where none of them stands for something else."""
    for block in blocks(path, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.search(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*argosy (.*)", line)
            plain = command and re.split(r" [#|&>(]|&$", command[1])[0]
            if plain and not re.search(r"…|\.\.\.|[A-Z]{4,}", plain):
                yield shlex.split(plain)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_variables_of_a_page_exist(path: Path) -> None:
    for words in shown_commands(path):
        if words != ["--version"]:
            check_command(words)
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\bARGOSY_[A-Z_]+[A-Z]\b", text)) - {"ARGOSY_VECTORS", "ARGOSY_TEST_PULL"}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)


def sentences() -> str:
    """Every text of the program, with `…` where something is put in."""
    found = []
    for package in ("argosy", "activities", "workflows", "cli", "worker", "serve"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                    found.append("".join(map(str, parts)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def test_troubleshooting_quotes_the_program() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [
        quote
        for line in text.splitlines()
        if line.startswith("| *") or ", *" in line
        for quote in re.findall(r"\*([^*]+)\*", line.split(" | ")[0].removeprefix("| "))
    ]
    said = sentences()
    assert len(quoted) > 30
    missing = [
        part for quote in quoted for part in re.split(r" ?… ?|0/3 ", quote) if part and part not in said
    ]
    assert missing == []


def test_the_tutorial_shows_its_files() -> None:
    files = [yaml.safe_load(path.read_text()) for path in (ROOT / "examples" / "tutorial").glob("*.yaml")]
    shown = [yaml.safe_load(block) for block in blocks(ROOT / "docs" / "tutorial.md", "yaml")]
    for document in shown:
        whole = document if "kind" in document else None
        placements = [one["spec"].get("placement") for one in files]
        assert whole in files if whole else document["placement"] in placements
