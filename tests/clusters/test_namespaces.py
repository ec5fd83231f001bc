"""A team's namespace: made with all its fences, mended where it drifted, and never somebody else's."""

import pytest
import yaml

from clusters.driver import ClusterRefused
from clusters.kubernetes import fences, namespaces, onboarding, space_check
from clusters.kubernetes.fences import Reach, Space, check_reach
from clusters.kubernetes.names import space_name
from clusters.kubernetes.rights import PREPARED, rights, rules
from tests.clusters.object_store import ObjectStore, forbidden

BLUE = Space(
    "portal-blue",
    "portal",
    namespaces.own_labels("inst", 7, "portal"),
    {"cpu_millis": 8000, "memory_bytes": 16 << 30, "gpus": {"nvidia.com/gpu": 2}, "pods": 10},
    Reach("https://10.1.2.3:8443", ["10.9.0.0/16", "10.8.7.6:5432"]),
)
PATH = "/api/v1/namespaces/portal-blue"
QUOTA = f"{PATH}/resourcequotas/stellwerk"
POLICY = "/apis/networking.k8s.io/v1/namespaces/portal-blue/networkpolicies/stellwerk"


@pytest.fixture
def api():
    return ObjectStore()


@pytest.fixture
def made(api):
    namespaces.settle(api, BLUE)
    return api


def test_a_namespace_is_made_with_pod_security_and_all_fences(made):
    labels = made.objects[PATH]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == fences.POD_SECURITY_VERSION
    assert labels.items() >= BLUE.labels.items()
    kinds = {each["kind"] for each in made.objects.values()}
    assert kinds == {
        *("Namespace", "RoleBinding", "ServiceAccount"),
        *("ResourceQuota", "LimitRange", "NetworkPolicy"),
    }
    account = made.objects[f"{PATH}/serviceaccounts/stellwerk-jobs"]
    assert account["automountServiceAccountToken"] is False


def test_the_quota_has_the_teams_numbers_and_what_runs_beside_on_top(made):
    hard = made.objects[QUOTA]["spec"]["hard"]
    assert hard["requests.cpu"] == "8100m"
    assert hard["requests.memory"] == str((16 << 30) + 10 * (64 << 20))
    assert hard["requests.nvidia.com/gpu"] == "2"
    assert hard["pods"] == "10"
    assert fences.resource_quota(Space("a", "b"))["spec"]["hard"].keys() == {
        *("pods", "services", "persistentvolumeclaims"),
    }


def test_jobs_reach_dns_the_portal_and_what_an_admin_lists_and_nobody_reaches_them(made):
    spec = made.objects[POLICY]["spec"]
    assert (spec["podSelector"], spec["policyTypes"], spec["ingress"]) == ({}, ["Ingress", "Egress"], [])
    dns, portal, network, database = spec["egress"]
    assert {each["port"] for each in dns["ports"]} == {53}
    assert "to" not in dns
    assert portal == {
        "ports": [{"protocol": "TCP", "port": 8443}],
        "to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}],
    }
    assert network == {"to": [{"ipBlock": {"cidr": "10.9.0.0/16"}}]}
    assert database["ports"] == [{"protocol": "TCP", "port": 5432}]


def test_link_local_addresses_stay_closed_however_much_is_opened():
    policy = fences.network_policy(Space("a", "b", reach=Reach("http://portal.example", ["0.0.0.0/0"])))
    blocks = [
        peer["ipBlock"]
        for rule in policy["spec"]["egress"]
        for peer in rule.get("to", [])
        if "ipBlock" in peer
    ]
    assert len(blocks) == 3
    for block in blocks:
        assert block["except"] in (["169.254.0.0/16"], ["fe80::/10"])


@pytest.mark.parametrize("text", ["example.org", "10.1.0.0/33", "", "10.1.2.3:x", "10.1.2.3/16"])
def test_what_is_no_network_is_named(text):
    with pytest.raises(ValueError, match="no network address"):
        check_reach(text)


def test_what_is_as_it_should_be_is_left_alone(made):
    made.calls.clear()
    made.objects[QUOTA]["spec"]["hard"]["requests.cpu"] = "8.1"  # as Kubernetes may write it
    assert namespaces.settle(made, BLUE) == []
    assert set(made.verbs()) == {"get"}


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (PATH, lambda each: each["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce")),
        (QUOTA, lambda each: each["spec"]["hard"].update({"requests.cpu": "800"})),
        (QUOTA, lambda each: each["spec"]["hard"].update({"count/jobs.batch": "1"})),
        (POLICY, lambda each: each["spec"].update(ingress=[{}])),
        (POLICY, lambda each: each["spec"]["egress"].append({})),
        (f"{PATH}/serviceaccounts/stellwerk-jobs", lambda each: each.pop("automountServiceAccountToken")),
        (f"{PATH}/limitranges/stellwerk", lambda each: each["spec"].update(limits=[])),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/portal-blue/rolebindings/stellwerk",
            lambda each: each.update(subjects=[]),
        ),
    ],
)
def test_drift_is_mended(made, path, change):
    before = yaml.safe_dump(made.objects[path])
    change(made.objects[path])
    assert yaml.safe_dump(made.objects[path]) != before
    assert len(namespaces.settle(made, BLUE)) == 1
    assert made.objects[path] == yaml.safe_load(before)


@pytest.mark.parametrize("kind", ["resourcequotas", "limitranges", "networkpolicies", "serviceaccounts"])
def test_what_was_deleted_is_made_again(made, kind):
    for path in [path for path in made.objects if kind in path]:
        del made.objects[path]
    assert len(namespaces.settle(made, BLUE)) == 1
    assert any(kind in path for path in made.objects)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {**BLUE.labels, "stellwerk/installation": "other"},
        {**BLUE.labels, "stellwerk/team": "8"},
        {"app": "billing"},
    ],
)
def test_a_namespace_that_is_not_ours_is_left_as_it_is(api, labels):
    api.post(
        "/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": "portal-blue", "labels": labels}}
    )
    before = yaml.safe_dump(api.objects)
    with pytest.raises(namespaces.NotOurs, match="portal-blue already, and it is not this portal's"):
        namespaces.settle(api, BLUE)
    assert yaml.safe_dump(api.objects) == before


def test_one_that_is_being_deleted_is_waited_for(made):
    made.objects[PATH]["status"] = {"phase": "Terminating"}
    with pytest.raises(ClusterRefused, match="being deleted"):
        namespaces.settle(made, BLUE)


def test_a_right_that_was_just_given_is_waited_for(api, monkeypatch):
    api.refuse["get", "resourcequotas"] = forbidden()
    pauses = []
    monkeypatch.setattr(
        namespaces.time, "sleep", lambda seconds: (pauses.append(seconds), api.refuse.clear())
    )
    namespaces.settle(api, BLUE)
    assert len(pauses) == 1


# Prepared by an admin


@pytest.fixture
def prepared(api):
    """As an admin makes it of what the portal gives to paste."""
    space = Space("portal-blue", "portal", quota=BLUE.quota, reach=BLUE.reach)
    for manifest in onboarding.space_manifests(space, PREPARED):
        kind = manifest["kind"]
        if kind in ("Role", "RoleBinding"):
            continue
        api.post(
            "/api/v1/namespaces" if kind == "Namespace" else namespaces.collection_of(manifest), manifest
        )
    api.rules = rules(right for right in rights(PREPARED) if right.scope == "namespace")
    return api


def missing(api):
    return space_check.check(api, Space("portal-blue", "portal"), "inst")


def test_a_namespace_made_of_the_paste_lacks_nothing(prepared):
    assert missing(prepared) == []
    assert not set(prepared.verbs()) & {"patch", "delete"}


@pytest.mark.parametrize(
    ("path", "says", "kind"),
    [
        (PATH, "no namespace portal-blue", "NetworkPolicy"),
        (QUOTA, "no ResourceQuota", "ResourceQuota"),
        (f"{PATH}/limitranges/stellwerk", "no LimitRange", "LimitRange"),
        (POLICY, "no NetworkPolicy", "NetworkPolicy"),
        (f"{PATH}/serviceaccounts/stellwerk-jobs", "no ServiceAccount stellwerk-jobs", "ServiceAccount"),
    ],
)
def test_each_thing_that_is_missing_is_named_with_the_yaml_that_adds_it(prepared, path, says, kind):
    del prepared.objects[path]
    (found,) = missing(prepared)
    assert says in found.sentence
    assert kind in [each["kind"] for each in yaml.safe_load_all(found.yaml)]


def test_each_right_that_is_missing_is_named_with_what_it_is_for(prepared):
    for rule in list(prepared.rules):
        for verb in list(rule["verbs"]):
            rule["verbs"].remove(verb)
            (found,) = missing(prepared)
            assert (
                f"may not {verb} {rule['resources'][0]} in portal-blue, which it needs to" in found.sentence
            )
            assert "kind: Role" in found.yaml
            rule["verbs"].append(verb)


def test_a_lower_pod_security_level_is_named(prepared):
    prepared.objects[PATH]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"
    (found,) = missing(prepared)
    assert "is baseline and has to be restricted" in found.sentence


def test_a_policy_that_lets_somebody_in_is_none(prepared):
    prepared.objects[POLICY]["spec"]["ingress"] = [{}]
    assert "no NetworkPolicy that lets nobody in" in missing(prepared)[0].sentence


def test_the_namespace_of_another_portal_is_not_taken(prepared):
    prepared.objects[PATH]["metadata"]["labels"]["stellwerk/account"] = "elsewhere"
    assert "belongs to another portal" in missing(prepared)[0].sentence
    prepared.objects[PATH]["metadata"]["labels"]["stellwerk/account"] = "portal"
    job = {"metadata": {"name": "theirs", "labels": {"stellwerk/installation": "other"}}}
    prepared.post("/apis/batch/v1/namespaces/portal-blue/jobs", job)
    assert "Another Stellwerk has jobs" in missing(prepared)[0].sentence


# Names


@pytest.mark.parametrize("slug", ["blue", "Blue_Team", "a" * 40, "-x-", "ä", "_"])
@pytest.mark.parametrize("prefix", ["stellwerk", "p" * 40])
def test_a_name_is_a_dns_label_that_begins_with_the_prefix(prefix, slug):
    for is_taken in (False, True):
        name = space_name(prefix, slug, "inst", is_taken=is_taken)
        assert len(name) <= 63
        assert name.startswith(f"{prefix}-")
        assert name.replace("-", "a").isalnum()
        assert name == name.lower()
        assert not name.endswith("-")


def test_different_teams_and_portals_get_different_names():
    names = [space_name("s", slug, "inst") for slug in ("blue", "Blue", "b_lue", "b-lue", "blue-")]
    assert names[0] == "s-blue"
    assert len(set(names)) == len(names)
    assert space_name("s", "blue", "one", is_taken=True) != space_name("s", "blue", "two", is_taken=True)
