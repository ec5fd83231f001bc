"""A cluster's settings: what is no secret can be changed later."""

import pytest

from clusters.models import Cluster, DoctorRun, KubernetesConnection
from tests import cast
from tests.clusters.pages.connected import CANARY, new_connected

FIELDS = {
    "name": "Lab",
    "namespace": "stellwerk",
    "space_mode": "one",
    "runner_image": "python:3.13-slim",
    "portal_url": "https://stellwerk.example.org",
    "adds_nodes": "on",
}
URL = "/clusters/research/edit/"


def test_everything_is_changed_but_the_address_and_the_secrets(admin, research):
    assert admin.post(URL, FIELDS)["Location"] == "/clusters/research/"
    row = KubernetesConnection.objects.get()
    cluster = Cluster.objects.get()
    assert (cluster.name, cluster.slug, cluster.adds_nodes) == ("Lab", "research", True)
    assert (row.runner_image, row.portal_url) == ("python:3.13-slim", "https://stellwerk.example.org")
    assert row.secrets == {"token": CANARY}


def test_after_a_change_the_doctor_comes(admin, research, text):
    admin.post(URL, FIELDS)
    assert DoctorRun.objects.get(cluster=research).asked_by_id is not None
    assert "The doctor looks at it now." in text(admin.get("/clusters/research/"))


def test_a_change_makes_the_drivers_connect_anew(admin, research):
    before = KubernetesConnection.objects.get().changed_at
    admin.post(URL, FIELDS)
    assert KubernetesConnection.objects.get().changed_at > before


@pytest.mark.parametrize("status", ["running", "starting"])
@pytest.mark.parametrize(("field", "value"), [("namespace", "other"), ("space_mode", "made")])
def test_where_jobs_run_is_not_changed_under_them(admin, research, make_job, text, field, value, status):
    make_job(image=cast.new_image(research), profile=cast.new_profile(research), status=status)
    page = text(admin.post(URL, FIELDS | {field: value}))
    assert f'href="#id_{field}">A job is there.' in page
    assert Cluster.objects.get(slug="research").name == "Research"
    assert admin.post(URL, FIELDS).status_code == 302


def test_the_name_of_another_cluster_is_refused(admin, research, text):
    new_connected("Lab", "lab")
    assert 'href="#id_name">Lab is here already' in text(admin.post(URL, FIELDS))


def test_this_machine_can_be_renamed(admin, cluster, text):
    assert "Runner image" not in text(admin.get("/clusters/this-machine/edit/"))
    admin.post("/clusters/this-machine/edit/", {"name": "Workstation"})
    assert Cluster.objects.get().name == "Workstation"
