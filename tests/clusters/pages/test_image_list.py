"""The environments of a cluster: in their order, offered or not, with usual ones to add."""

from clusters.models import Image
from tests import cast
from tests.clusters.pages.connected import new_connected

URL = "/clusters/research/environments/"


def labels():
    return list(Image.objects.filter(cluster__slug="research").values_list("label", flat=True))


def test_a_new_cluster_offers_usual_environments_with_one_click(admin, research, text):
    page = text(admin.get(URL))
    assert "No environment yet" in page
    assert "Add Python 3.11" in page
    admin.post(URL + "usual/", {"preset": "python-3.11"})
    response = admin.post(URL + "usual/", {"preset": "python-3.11"}, follow=True)
    image = Image.objects.get()
    assert (image.label, image.reference) == ("Python 3.11", "python:3.11-slim")
    assert image.entry_commands == {".py": ["python3", "-u"], ".sh": ["bash"], ".bash": ["bash"]}
    assert "Add Python 3.11" not in text(response)
    assert admin.post(URL + "usual/", {"preset": "cobol"}).status_code == 404


def test_they_are_moved_up_and_down_and_stay_at_the_ends(admin, research):
    ids = {label: cast.new_image(research, label=label).pk for label in ("A", "B", "C")}
    for label, to, expected in (
        ("A", "down", ["B", "A", "C"]),
        ("C", "up", ["B", "C", "A"]),
        ("B", "up", ["B", "C", "A"]),
        ("A", "down", ["B", "C", "A"]),
    ):
        assert admin.post(f"{URL}{ids[label]}/move/", {"to": to}).status_code == 302
        assert labels() == expected


def test_they_are_switched_off_and_on(admin, research, text):
    image = cast.new_image(research)
    for on, expected in (("0", False), ("0", False), ("1", True)):
        page = text(admin.post(f"{URL}{image.pk}/switch/", {"on": on}, follow=True))
        assert Image.objects.get().is_enabled is expected
        assert ("Switched off" in page) is not expected


def test_removing_asks_once_and_leaves_the_jobs_as_they_are(admin, research, make_job, text):
    image = cast.new_image(research)
    job = make_job(image=image, profile=cast.new_profile(research))
    assert "Remove the environment Python 3?" in text(admin.get(f"{URL}{image.pk}/remove/"))
    for _ in range(2):  # a second click is harmless
        assert admin.post(f"{URL}{image.pk}/remove/")["Location"] == URL
    job.refresh_from_db()
    assert (job.image, job.image_label) == (None, "Python 3")


def test_the_environment_of_another_cluster_is_not_found_here(admin, research):
    other = cast.new_image(new_connected("Other", "other"))
    for path in ("", "switch/", "remove/"):
        answer = admin.post if path == "switch/" else admin.get
        assert answer(f"{URL}{other.pk}/{path}").status_code == 404
    admin.post(f"{URL}{other.pk}/remove/")
    assert Image.objects.filter(pk=other.pk).exists()
