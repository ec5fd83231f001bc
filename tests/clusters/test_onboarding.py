"""What an admin pastes: the rights that the portal uses and no others, in each mode."""

import pytest
import yaml

from clusters.kubernetes import onboarding
from clusters.kubernetes.fences import Reach, Space
from clusters.kubernetes.rights import MADE, ONE, PREPARED
from clusters.models import SpaceMode

MODES = (ONE, PREPARED, MADE)
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding"}


def pasted(mode, **more):
    return list(yaml.safe_load_all(onboarding.paste("portal", mode, **more)))


def kinds(objects):
    return [each["kind"] for each in objects]


def granted(objects):
    """(group, resource, verb, name) of every rule."""
    return {
        (group, resource, verb, name)
        for each in objects
        if each["kind"] in ("Role", "ClusterRole")
        for rule in each["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def asked(rights):
    return {
        (right.group, right.resource, verb, name)
        for right in rights
        for verb in right.verbs
        for name in right.names or ("",)
    }


def test_the_modes_are_those_of_the_connection():
    assert {str(mode) for mode in SpaceMode} == set(MODES)


def test_for_one_namespace_everything_is_in_it():
    objects = pasted(ONE)
    assert kinds(objects) == [
        "Namespace",
        "ServiceAccount",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Secret",
    ]
    assert all(each["metadata"].get("namespace", "portal") == "portal" for each in objects)


@pytest.mark.parametrize("mode", MODES)
def test_the_roles_hold_exactly_what_the_portal_says_it_uses(mode):
    assert granted(pasted(mode, view=True)) == asked(onboarding.rights(mode))
    usual = [right for right in onboarding.rights(mode) if right.is_needed or right.scope == "namespace"]
    assert granted(pasted(mode)) == asked(usual)
    assert all(right.purpose for right in onboarding.rights(mode))


@pytest.mark.parametrize("mode", MODES)
def test_no_right_reads_secrets_runs_commands_or_covers_everything(mode):
    for group, resource, verb, _name in granted(pasted(mode, view=True)):
        assert "*" not in (group, resource, verb)
        assert verb not in ("impersonate", "escalate")
        # What it made it may delete one by one or together, and nothing else together.
        assert verb != "deletecollection" or resource == "jobs"
        assert (resource, verb) not in {("secrets", "get"), ("secrets", "list"), ("secrets", "watch")}
        assert resource not in ("pods/exec", "pods/attach", "pods/portforward", "serviceaccounts/token")


@pytest.mark.parametrize("mode", [ONE, PREPARED])
def test_only_a_portal_that_makes_namespaces_needs_rights_outside_of_them(mode):
    assert not CLUSTER_WIDE & set(kinds(pasted(mode)))
    assert {"ClusterRole", "ValidatingAdmissionPolicy"} <= set(kinds(pasted(MADE)))


@pytest.mark.parametrize("mode", MODES)
def test_each_right_comes_back_with_the_yaml_that_is_told_for_it(mode):
    for right in onboarding.rights(mode):
        objects = list(yaml.safe_load_all(onboarding.right_yaml("portal", mode, right)))
        assert asked([right]) <= granted(objects)
        (binding,) = [each for each in objects if each["kind"].endswith("Binding")]
        (role,) = [each for each in objects if not each["kind"].endswith("Binding")]
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "stellwerk", "namespace": "portal"}]
        assert (binding["kind"] == "ClusterRoleBinding") == (right.scope == "cluster")


def test_a_prepared_namespace_is_fenced_and_open_to_the_portal_of_another():
    reach = Reach("https://10.1.2.3:8443", ["10.9.0.0/16", "10.8.7.6:5432"])
    space = Space("blue", "portal", quota={"cpu_millis": 4000, "pods": 10}, reach=reach)
    objects = [each for each in pasted(PREPARED, spaces=[space]) if "blue" in str(each["metadata"])]
    assert kinds(objects) == [
        "Namespace",
        "Role",
        "RoleBinding",
        "ServiceAccount",
        "ResourceQuota",
        "LimitRange",
        "NetworkPolicy",
    ]
    labels = objects[0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"].startswith("v1.")
    assert objects[2]["subjects"][0]["namespace"] == "portal"


def test_the_token_is_printed_by_a_command_that_names_its_secret():
    command = onboarding.token_command("portal")
    assert command.startswith("kubectl -n portal get secret stellwerk-token ")
    assert "{{.data.token | base64decode}}" in command
