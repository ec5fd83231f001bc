"""Each right is asked of the cluster; what is missing is named with what gives it back."""

from types import SimpleNamespace

import pytest
import yaml

from clusters.doctor import rights as module
from clusters.doctor.lines import Level
from clusters.doctor.rights import Question, line_of, questions, rights
from clusters.models import SpaceMode, TeamSpace

VERBS = sorted(
    {
        (right.resource, verb)
        for mode in SpaceMode.values
        for right in module.onboarding.rights(mode)
        for verb in right.verbs
    }
)


def lines(ground):
    return list(rights(ground))


def test_with_all_of_them_each_line_passes(ground):
    assert {line.level for line in lines(ground)} == {Level.PASS}
    assert len({line.key for line in lines(ground)}) == len(module.onboarding.rights("one"))


@pytest.mark.parametrize("mode", SpaceMode.values)
def test_no_two_lines_have_the_same_title(ground, mode):
    ground.row.space_mode = mode
    titles = [line.title for line in lines(ground)]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(("resource", "verb"), VERBS)
def test_a_verb_that_is_missing_is_named_with_the_yaml_that_gives_it_back(ground, api, resource, verb):
    mode = next(
        mode
        for mode in SpaceMode.values
        for right in module.onboarding.rights(mode)
        if right.resource == resource and verb in right.verbs
    )
    ground.row.space_mode = mode
    api.denied = {(resource, verb)}
    bad = [line for line in lines(ground) if line.level is not Level.PASS]
    assert bad
    for line in bad:
        assert f"The portal lacks a right: {verb} on {resource}" in line.sentence
        assert line.fix_kind == "yaml"
        objects = [each for each in yaml.safe_load_all(line.fix) if each]
        rules = [rule for each in objects for rule in each.get("rules") or []]
        assert any(resource in rule["resources"] and verb in rule["verbs"] for rule in rules)


def test_a_part_of_an_object_is_asked_for_as_the_cluster_knows_it(ground, api):
    part = module.Right("", "pods/log", ("get",), "read logs")
    assert module.may(api, Question(part, "get", "jobs"))
    assert api.asked == [
        {"group": "", "resource": "pods", "subresource": "log", "verb": "get", "namespace": "jobs"}
    ]


def test_every_namespace_with_jobs_is_asked_for(ground, api, team, real):
    ground.spaces = [TeamSpace(cluster=real, team=team, namespace="jobs-blue")]
    (first, *_) = module.onboarding.rights("one")
    asked = questions(first, ground.namespaces())
    assert {question.namespace for question in asked} == {"jobs", "jobs-blue"}
    assert len(asked) == 2 * len(first.verbs)


def test_a_right_that_is_not_needed_warns_only(monkeypatch):
    monkeypatch.setattr(
        module.onboarding, "right_yaml", lambda namespace, mode, right, account: f"for {namespace}\n"
    )
    optional = SimpleNamespace(
        group="",
        resource="namespaces",
        verbs=("get",),
        purpose="know it again",
        scope="cluster",
        names=("kube-system",),
        is_needed=False,
    )
    (asked,) = questions(optional, ["jobs"])
    line = line_of(optional, "one", [asked], "jobs")
    assert (line.level, line.fix) == (Level.WARN, "for jobs\n")
    assert (
        "lacks a right: get on namespaces (kube-system) in the whole cluster. It cannot know it again"
        in line.sentence
    )
    assert line_of(optional, "one", [], "jobs").level is Level.PASS


def test_a_right_to_objects_of_some_names_is_asked_for_by_name(api):
    bind = SimpleNamespace(
        group="rbac", resource="clusterroles", verbs=("bind",), names=("a", "b"), scope="cluster"
    )
    assert module.may(api, Question(bind, "bind", ""))
    assert [(each["name"], "namespace" in each) for each in api.asked] == [("a", False), ("b", False)]
