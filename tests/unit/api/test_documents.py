from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.documents import LARGEST_SOURCE, check_template, policy_of, read, read_text
from argosy.errors import ArgosyError, InvalidInput, NotFound

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: default}\n"


def _names(documents: list[Any]) -> list[str]:
    return [document.ref.name for document in documents]


def _config(name: str) -> str:
    return CONFIG.replace("name: a", f"name: {name}")


def test_documents_know_where_they_come_from() -> None:
    first, second = read_text(f"{_config('a')}---\n---\n{_config('b')}", source="app.yaml")

    assert (first.index, first.line, str(first)) == (1, 1, "app.yaml, document 1 (ConfigMap default/a)")
    assert (second.index, second.line, str(second)) == (2, 6, "app.yaml, document 2 (ConfigMap default/b)")


def test_lists_are_flattened_however_deep() -> None:
    one = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    inner = {"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {}, "items": [one, one]}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [one, inner]})

    documents = read_text(text, source="list.json")

    assert [str(document) for document in documents] == [
        "list.json, document 1, items[0] (ConfigMap a)",
        "list.json, document 1, items[1].items[0] (ConfigMap a)",
        "list.json, document 1, items[1].items[1] (ConfigMap a)",
    ]


def test_a_kind_that_only_ends_like_a_list_is_an_object() -> None:
    text = "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [x]"

    assert _names(read_text(text, source="x")) == ["a"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("5", "x, document 1 is not an object; every document needs apiVersion, kind and metadata."),
        (
            "kind: A\nmetadata: {name: x}",
            "x, document 1: apiVersion is missing; every object needs apiVersion, kind and metadata.name.",
        ),
        (
            f"{CONFIG}---\napiVersion: v1\nkind: A\nmetadata: {{generateName: x-}}",
            "x, document 2: metadata.name is missing; every object needs apiVersion, kind and metadata.name.",
        ),
        (
            '{"kind": "List", "items": [5]}',
            "x, document 1, items[0] is not an object; every document needs apiVersion, kind and metadata.",
        ),
        (f"{CONFIG}data: {{a: 1, a: 2}}", "x, line 4: data.a is given twice; keep one of them."),
        (
            CONFIG.replace("name: a", "name: a, labels: {version: 1.0}"),
            "x, document 1 (ConfigMap default/a): metadata.labels.version is not text; quote its value.",
        ),
        (
            CONFIG.replace("name: a", "name: a, annotations: [x]"),
            "x, document 1 (ConfigMap default/a): metadata.annotations is not a mapping; write KEY: VALUE.",
        ),
        (
            json.dumps({"apiVersion": "v1", "kind": "A", "metadata": {"name": "\ud800"}}),
            "x, document 1 holds characters that are not Unicode text; remove them.",
        ),
    ],
)
def test_what_is_no_object_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_text(text, source="x")

    assert str(refused.value) == sentence


def test_flow_style_yaml_is_not_mistaken_for_json() -> None:
    assert _names(read_text("{apiVersion: v1, kind: A, metadata: {name: a}}", source="x")) == ["a"]


def test_json_may_be_indented_with_tabs() -> None:
    text = '{\n\t"apiVersion": "v1",\n\t"kind": "A",\n\t"metadata": {"name": "a"}\n}'

    assert _names(read_text(text, source="x")) == ["a"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.yaml").write_text(_config("b"))
    (tmp_path / "a.yml").write_text(_config("a"))
    (tmp_path / "c.json").write_text(json.dumps({"apiVersion": "v1", "kind": "A", "metadata": {"name": "c"}}))
    (tmp_path / "notes.txt").write_text("not read")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.yaml").write_text(_config("d"))
    return tmp_path


def test_folders_are_read_by_name_and_deeper_only_on_request(folder: Path) -> None:
    assert _names(read([str(folder)])) == ["a", "b", "c"]
    assert _names(read([str(folder)], recursive=True)) == ["a", "b", "c", "d"]


def test_a_named_file_is_read_whatever_its_ending(folder: Path) -> None:
    (folder / "template").write_text(_config("t"))

    assert _names(read([str(folder / "template"), str(folder / "b.yaml")])) == ["t", "b"]


def test_standard_input_and_a_byte_order_mark() -> None:
    documents = read(["-"], stdin=io.BytesIO(b"\xef\xbb\xbf" + CONFIG.encode()))

    assert str(documents[0]) == "standard input, document 1 (ConfigMap default/a)"


def test_what_cannot_be_read_says_why(folder: Path) -> None:
    (folder / "latin.yaml").write_bytes(b"a: 1\nb: \xe9")
    (folder / "large.yaml").write_bytes(b"#" * (LARGEST_SOURCE + 1))
    (folder / "empty").mkdir()
    cases: list[tuple[str, type[ArgosyError], str]] = [
        (str(folder / "absent.yaml"), NotFound, "does not exist; check the path."),
        (str(folder / "latin.yaml"), InvalidInput, "line 2: it is not UTF-8 text; save it as UTF-8."),
        (str(folder / "large.yaml"), InvalidInput, "is larger than 16 MiB; split it."),
        (str(folder / "empty"), InvalidInput, "add --recursive for subfolders."),
        (str(folder / "b.yaml" / "x"), InvalidInput, "check the path and its permissions."),
        ("a\0b", InvalidInput, "check the path and its permissions."),
        ("x" * 5000, InvalidInput, "check the path and its permissions."),
        ("https://example.com/a.yaml", InvalidInput, "download it and name the file."),
        ("-", InvalidInput, "name a file instead of -."),
    ]
    for source, error, ending in cases:
        with pytest.raises(error) as refused:
            read([source])
        assert str(refused.value).endswith(ending)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: hunter2, a: hunter2}",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: !x hunter2}",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2: b}",
        "kind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2}",
        'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: "hunter2}',
        "apiVersion: v1\nkind: Secret\nmetadata: {}\nstringData: {a: hunter2}",
        '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "hunter2\\ud800"}}',
        '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": hunter2]}',
    ],
)
def test_no_message_shows_what_a_secret_holds(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_text(text, source="x")

    assert "hunter2" not in str(refused.value)


pieces = st.sampled_from(
    [CONFIG, "---\n", "a: ", "kind: List\nitems:\n", "&a ", "*a", "!!x ", "<<: ", "\ud7ff"]
)
marks = st.sampled_from("-{}[]\n '\"\t#|5\x00é")


@given(st.lists(pieces | marks, max_size=30).map("".join))
def test_any_text_gives_objects_or_one_sentence(text: str) -> None:
    try:
        documents = read_text(text, source="fuzz")
    except InvalidInput as refused:
        assert str(refused).startswith("fuzz, ")  # noqa: PT017  either outcome is right
        assert str(refused).endswith(".")  # noqa: PT017
    else:
        assert all(document.ref.name for document in documents)


@given(st.binary(max_size=60))
def test_any_bytes_give_objects_or_one_sentence(content: bytes) -> None:
    try:
        read(["-"], stdin=io.BytesIO(content))
    except InvalidInput as refused:
        assert str(refused).startswith("standard input")  # noqa: PT017  either outcome is right


def _with(metadata: str, kind: str = "ConfigMap") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {metadata}\n"


@pytest.mark.parametrize(
    ("text", "given", "namespace"),
    [
        (_with("{name: a}"), None, "default"),
        (_with("{name: a}"), "team", "team"),
        (_with("{name: a, namespace: own}"), "team", "own"),
        (_with("{name: a, namespace: own}", "Namespace"), "team", None),
    ],
)
def test_objects_get_the_namespace_they_do_not_name(
    text: str, given: str | None, namespace: str | None
) -> None:
    (document,) = read(["-"], stdin=io.BytesIO(text.encode()), namespace=given)

    assert document.ref.namespace == namespace


def test_sources_without_any_object_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"standard input: there are no objects; name .* manifests\."):
        read(["-"], stdin=io.BytesIO(b"# nothing\n---\n"))


def _policy(spec: dict[str, Any], kind: str = "PropagationPolicy") -> Any:
    text = json.dumps(
        {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": "p"},
            "spec": {"resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment"}], **spec},
        }
    )
    (document,) = read(["-"], stdin=io.BytesIO(text.encode()))
    return document


def test_a_policy_comes_with_its_defaults() -> None:
    for kind in ("PropagationPolicy", "OverridePolicy"):
        policy = policy_of(_policy({}, kind))
        assert policy.spec.resource_selectors[0].namespace == "default"


def test_a_policy_is_refused_for_all_its_faults_at_once() -> None:
    spec = {
        "placement": {"clusterTolerations": [{"operator": "Lt"}], "spreadConstraints": [{"maxGroups": 2}]},
        "schedulerName": "mine",
    }
    with pytest.raises(InvalidInput) as refused:
        policy_of(_policy(spec))

    assert str(refused.value) == (
        "standard input, document 1 (PropagationPolicy default/p): "
        "spec.placement.clusterTolerations[0].operator is Lt; write Exists or Equal; "
        "spec.schedulerName is not acted upon yet; remove it."
    )


def test_only_templates_pass_as_templates() -> None:
    (document,) = read_text(CONFIG, source="x")
    check_template(document)
    with pytest.raises(InvalidInput, match="is not a template; name an object to propagate"):
        check_template(_policy({}))
