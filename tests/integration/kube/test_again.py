"""A second apply of the same bytes changes nothing, whatever the kind and whatever rules have made of it."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.api.cluster import Cluster as MemberCluster
from argosy.api.manifest import canonical_json
from argosy.api.override import ClusterOverridePolicy
from argosy.api.ownership import Ownership, stamp
from argosy.kube.apply import apply
from argosy.overrides.render import render
from tests.cli.application import Application
from tests.cluster import Cluster

HERE = MemberCluster.model_validate({"metadata": {"name": "here"}, "spec": {"syncMode": "Push"}})
OWNER = Ownership(propagation="propagation/again", revision=1, pass_number=1, instance="here")
# The API server writes the status of a definition itself, and stores a new claim once more at its first re-apply, with
# the same content.
SETTLING = {"CustomResourceDefinition", "PersistentVolumeClaim"}
WORDS = st.text(st.sampled_from("abc.-_ é\n"), max_size=6)
OPERATOR = st.sampled_from(["add", "replace", "remove"])
LABELS = st.dictionaries(st.sampled_from(["a", "b", "example.com/c"]), st.sampled_from(["", "x", "1"]))
RULES = st.fixed_dictionaries(
    {},
    optional={
        "labelsOverrider": st.lists(
            st.fixed_dictionaries({"operator": OPERATOR, "value": LABELS}), max_size=2
        ),
        "annotationsOverrider": st.lists(
            st.fixed_dictionaries(
                {"operator": OPERATOR, "value": st.dictionaries(st.sampled_from(["a", "b"]), WORDS)}
            ),
            max_size=2,
        ),
        "imageOverrider": st.lists(
            st.fixed_dictionaries(
                {
                    "component": st.sampled_from(["Registry", "Repository", "Tag"]),
                    "operator": st.sampled_from(["add", "replace"]),
                    "value": st.sampled_from(["r", "example", "1"]),
                }
            ),
            max_size=2,
        ),
        "argsOverrider": st.lists(
            st.fixed_dictionaries(
                {
                    "containerName": st.just("c"),
                    "operator": st.sampled_from(["add", "remove"]),
                    "value": st.lists(WORDS, max_size=2),
                }
            ),
            max_size=2,
        ),
    },
)


async def _is_quiet(cluster: Cluster, wanted: dict[str, Any]) -> None:
    stamped = stamp(wanted, OWNER)
    first = await apply(cluster.member, stamped, expect_uid=None, takeover=False)
    if wanted["kind"] in SETTLING:
        await asyncio.sleep(1.5)
        first = await apply(cluster.member, stamped, expect_uid=None, takeover=False)
    for uid in (first.uid, None):
        again = await apply(cluster.member, stamped, expect_uid=uid, takeover=False)
        assert again.resource_version == first.resource_version, wanted
        assert again.fields == first.fields


async def test_every_kind_stays_as_it_is(cluster: Cluster, namespace: str) -> None:
    for manifest in Application(namespace, frozenset({"Widget"})).manifests():
        await _is_quiet(cluster, manifest)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rules=RULES)
async def test_whatever_rules_make_of_it_is_rendered_and_applied_the_same(
    cluster: Cluster, namespace: str, rules: dict[str, Any]
) -> None:
    (template,) = (one for one in Application(namespace).manifests() if one["kind"] == "Deployment")
    before = canonical_json(template)
    policy = ClusterOverridePolicy.model_validate(
        {"metadata": {"name": "p"}, "spec": {"overrideRules": [{"overriders": rules}]}}
    )
    rendered, _ = render(template, HERE, [policy])
    again, _ = render(template, HERE, [policy])
    assert canonical_json(rendered) == canonical_json(again)
    assert canonical_json(template) == before, "the template was touched"
    await _is_quiet(cluster, rendered)
