"""The profiles of a cluster: how many nodes each fits, and sizes of the nodes to add."""

from clusters.models import Profile
from tests import cast
from tests.clusters.pages.connected import GIB, healthy, new_connected, node

URL = "/clusters/research/profiles/"
TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
GPU = {"gpus": {"nvidia.com/gpu": 4}, "free_gpus": {"nvidia.com/gpu": 1}, "taints": [TAINT]}


def test_each_says_how_many_nodes_it_fits_now(admin, research, text):
    healthy(research, node("a"), node("b", free=0), node("gpu", **GPU))
    cast.new_profile(research)
    cast.new_profile(research, name="Huge", cpu_millis=64_000, memory_bytes=512 * GIB)
    page = text(admin.get(URL))
    assert "fits 2 of 3 nodes, 1 free now" in page
    assert "No node of Research has 64 cores for a script: the largest has " in page
    assert "Its jobs would wait for ever" in page


def test_before_the_first_check_nothing_is_claimed_and_usual_sizes_are_offered(admin, research, text):
    cast.new_profile(research, name="Mine")
    page = text(admin.get(URL))
    assert "not known before the first check" in page
    assert "Usual sizes" in page
    assert "Add Medium" in page


def test_sizes_of_the_nodes_are_added_with_one_click(admin, research, text):
    healthy(research, node("a"), node("gpu", cpu=32_000, memory=256, **GPU))
    page = text(admin.get(URL))
    assert "Sizes that fit the nodes" in page
    for key in ("small", "large", "gpu-nvidia.com/gpu", "gpu-nvidia.com/gpu"):
        assert admin.post(URL + "usual/", {"preset": key}).status_code == 302
    small, large, gpu = Profile.objects.order_by("position")
    assert (small.cpu_millis, small.memory_bytes) == (1000, 2 * GIB)
    assert large.memory_bytes < 64 * GIB  # of the node that everybody may use, not of the one with GPUs
    assert (gpu.gpu_resource, gpu.gpu_count, gpu.tolerations) == ("nvidia.com/gpu", 1, [TAINT])
    assert "Its jobs would wait for ever" not in text(admin.get(URL))
    assert admin.post(URL + "usual/", {"preset": "cobol"}).status_code == 404


def test_they_are_moved_switched_and_removed_and_jobs_keep_their_size(admin, research, make_job, text):
    first, second = cast.new_profile(research, name="A"), cast.new_profile(research, name="B")
    admin.post(f"{URL}{second.pk}/move/", {"to": "up"})
    assert list(research.profiles.all()) == [second, first]
    admin.post(f"{URL}{first.pk}/switch/", {"on": "0"})
    assert not Profile.objects.get(pk=first.pk).is_enabled
    job = make_job(image=cast.new_image(research), profile=first)
    assert "Remove the profile A?" in text(admin.get(f"{URL}{first.pk}/remove/"))
    for _ in range(2):
        assert admin.post(f"{URL}{first.pk}/remove/")["Location"] == URL
    job.refresh_from_db()
    assert (job.profile, job.profile_label, job.cpu_millis) == (None, "A", 1000)


def test_the_profile_of_another_cluster_is_not_found_here(admin, research):
    other = cast.new_profile(new_connected("Other", "other"))
    for path in ("", "switch/", "remove/"):
        answer = admin.post if path == "switch/" else admin.get
        assert answer(f"{URL}{other.pk}/{path}").status_code == 404
