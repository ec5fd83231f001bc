"""Switching a cluster off says first what happens to the jobs there."""

from clusters.models import Cluster
from tests import cast


def test_it_asks_first_with_the_numbers_of_now(admin, research, make_job, text):
    image, profile = cast.new_image(research), cast.new_profile(research)
    for status in ("running", "starting", "queued"):
        make_job(image=image, profile=profile, status=status)
    page = text(admin.get("/clusters/research/switch/"))
    assert "go on to their end" in page
    assert "Now: 2." in page
    assert "Now: 1." in page
    assert Cluster.objects.get(slug="research").is_enabled


def test_off_and_on_again_and_a_second_click_changes_nothing(admin, research):
    for on, expected in (("0", False), ("0", False), ("1", True)):
        assert admin.post("/clusters/research/switch/", {"on": on})["Location"] == "/clusters/research/"
        assert Cluster.objects.get().is_enabled is expected
