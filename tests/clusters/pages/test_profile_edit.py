"""A profile's form: amounts as people write them, nodes by labels and taints."""

import pytest

from clusters.models import Profile
from tests import cast
from tests.clusters.pages.connected import GIB, healthy, node

URL = "/clusters/research/profiles/"
FIELDS = {
    "name": "One GPU",
    "cores": "2,5",
    "memory": "16",
    "disk": "0.5",
    "max_processes": "1024",
    "gpu_count": "1",
    "gpu_resource": "amd.com/gpu",
    "node_labels": "gpu-model=mi300\n\nexample.org/zone=a",
    "tolerations": "dedicated=gpu:NoSchedule\nspot\nteam=data",
}


def test_a_profile_is_added_with_all_it_has(admin, research):
    assert admin.post(URL + "add/", FIELDS)["Location"] == URL
    profile = Profile.objects.get()
    assert (profile.cpu_millis, profile.memory_bytes, profile.disk_bytes) == (2500, 16 * GIB, GIB // 2)
    assert (profile.max_processes, profile.gpu_count, profile.gpu_resource) == (1024, 1, "amd.com/gpu")
    assert profile.node_labels == {"gpu-model": "mi300", "example.org/zone": "a"}
    assert profile.tolerations == [
        {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
        {"key": "spot", "value": "", "effect": ""},
        {"key": "team", "value": "data", "effect": ""},
    ]


@pytest.mark.parametrize(("cores", "millis"), [("0.1", 100), ("1024", 1_024_000)])
def test_the_least_and_the_most_that_a_sentence_names_are_taken(admin, research, cores, millis):
    assert admin.post(URL + "add/", FIELDS | {"cores": cores}).status_code == 302
    assert Profile.objects.get().cpu_millis == millis


def test_saving_the_form_as_it_is_shown_changes_nothing(admin, research):
    admin.post(URL + "add/", FIELDS)
    before = Profile.objects.values().get()
    form = admin.get(f"{URL}{before['id']}/").context["form"]
    assert admin.post(f"{URL}{before['id']}/", form.initial).status_code == 302
    assert Profile.objects.values().get() == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Give the profile a name"),
        ("name", "small", "This cluster has a profile of this name"),
        ("cores", "", "Write how many cores"),
        ("cores", "0", "Write how many cores"),
        ("cores", "nan", "Write how many cores"),
        ("memory", "much", "Write how many GiB of memory"),
        ("disk", "1e9", "Write how many GiB of disk"),
        ("max_processes", "3.5", "Write how many processes"),
        ("gpu_count", "-1", "Write how many GPUs"),
        ("gpu_resource", "", "Name the resource"),
        ("gpu_resource", "my gpu", "“my gpu” is no resource"),
        ("node_labels", "gpu", "Line 1: “gpu” has no “=”"),
        ("node_labels", "a=1\n\na=2", "Line 3: a has another value above"),
        ("node_labels", "a b=1", "Line 1: “a b” cannot be the name of a label"),
        ("tolerations", "a:Never", "Line 1: “Never” is no effect"),
        ("tolerations", "a=b c", "Line 1: “b c” cannot be the value"),
    ],
)
def test_each_mistake_is_said_at_its_field(admin, research, text, field, value, sentence):
    cast.new_profile(research)
    page = text(admin.post(URL + "add/", FIELDS | {field: value}))
    assert f'href="#id_{field}">{sentence}' in page
    assert Profile.objects.count() == 1


def test_what_it_fits_is_shown_before_it_is_saved(admin, research, text):
    healthy(research, node("a", labels={"zone": "a"}), node("b"))
    fields = FIELDS | {"gpu_count": "0", "node_labels": "zone=a", "action": "look"}
    page = text(admin.post(URL + "add/", fields))
    assert "This profile: fits 1 of 2 nodes, 1 free now." in page
    assert not Profile.objects.exists()


def test_the_resources_of_the_nodes_are_suggested(admin, research, text):
    healthy(research, node(gpus={"example.org/fpga": 2}))
    assert '<option value="example.org/fpga">' in text(admin.get(URL + "add/"))


def test_on_this_machine_there_are_no_nodes_to_choose(admin, cluster, text):
    local = "/clusters/this-machine/profiles/"
    assert "GPU resource" not in text(admin.get(local + "add/"))
    assert admin.post(local + "add/", FIELDS).status_code == 302
    assert Profile.objects.get().gpu_count == 0
