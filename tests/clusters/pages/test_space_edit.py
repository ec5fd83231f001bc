"""An admin names the namespace of a team, and gets the YAML that makes it."""

import pytest
import yaml

from clusters.kubernetes.onboarding import ACCOUNT
from clusters.models import TeamSpace
from tests.clusters.pages.connected import new_connected


@pytest.fixture
def prepared(db):
    return new_connected(space_mode="prepared")


@pytest.fixture
def url(prepared, team):
    return f"/clusters/research/spaces/{team.pk}/"


def test_a_namespace_is_named_and_waits_for_its_check(admin, url, team):
    assert admin.post(url, {"namespace": "sw-data"})["Location"] == "/clusters/research/"
    space = TeamSpace.objects.get()
    assert (space.team, space.namespace, space.is_ready) == (team, "sw-data", False)


def test_another_name_is_checked_anew_and_the_same_name_is_not(admin, url):
    admin.post(url, {"namespace": "sw-data"})
    TeamSpace.objects.update(is_ready=True)
    admin.post(url, {"namespace": "sw-data"})
    assert TeamSpace.objects.get().is_ready
    admin.post(url, {"namespace": "sw-other"})
    assert not TeamSpace.objects.get().is_ready


def test_the_yaml_lets_the_portals_account_in_and_makes_no_other(admin, url, text):
    page = admin.post(url, {"namespace": "sw-data", "action": "look"})
    assert not TeamSpace.objects.exists()
    documents = list(yaml.safe_load_all(page.context["yaml"]))
    kinds = [document["kind"] for document in documents]
    assert "Namespace" in kinds
    assert "Secret" not in kinds
    accounts = [each["metadata"]["name"] for each in documents if each["kind"] == "ServiceAccount"]
    assert ACCOUNT not in accounts
    binding = next(document for document in documents if document["kind"] == "RoleBinding")
    assert binding["metadata"]["namespace"] == "sw-data"
    assert binding["subjects"][0]["namespace"] == "stellwerk"


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "Give the namespace"), ("A b", "cannot be"), ("sw-finance", "another team")]
)
def test_a_name_that_cannot_be_is_refused(admin, prepared, url, other_team, text, name, sentence):
    TeamSpace.objects.create(cluster=prepared, team=other_team, namespace="sw-finance")
    assert sentence in text(admin.post(url, {"namespace": name}))
    assert TeamSpace.objects.count() == 1


def test_where_the_portal_makes_them_there_is_nothing_to_name(admin, team, url, prepared):
    prepared.kubernetes.space_mode = "made"
    prepared.kubernetes.save()
    assert admin.get(url).status_code == 404
    assert admin.get("/clusters/research/spaces/999999/").status_code == 404
