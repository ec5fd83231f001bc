"""Examples: one click makes a job of real files, once per key."""

import uuid

import pytest
from django.contrib.messages import get_messages
from django.core.files.storage import default_storage
from django.urls import reverse

from jobs.models import Blob, Job
from jobs.submission.example_list import EXAMPLES, find_example
from tests import cast


def run(client, slug: str, **fields: str):
    return client.post(reverse("example_run", args=[slug]), fields)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.slug)
def test_one_click_makes_the_job_with_its_files(client_of, alice, team, image, profile, example):
    if not example.fits(image):
        cast.new_image(
            image.cluster, label="Other", reference="x", entry_commands={example.ending: ["Rscript"]}
        )
    answer = run(client_of(alice), example.slug)
    job = Job.objects.get()
    assert answer.url == job.get_absolute_url()
    assert (job.name, job.entry, job.team, job.tags) == (example.title, example.entry, team, ["example"])
    assert job.command[-1] == example.entry
    assert job.bundle.is_frozen
    stored = {}
    for file in job.bundle.files.select_related("blob"):
        with default_storage.open(file.blob.key) as content:
            stored[file.path] = content.read()
    assert stored == {path: place.read_bytes() for path, place in example.files()}


def test_the_same_key_gives_one_job_and_the_content_is_stored_once(client_of, alice, image, profile):
    client, key = client_of(alice), str(uuid.uuid4())
    first = run(client, "python-model", key=key)
    assert run(client, "python-model", key=key).url == first.url
    assert Job.objects.count() == 1
    blobs = Blob.objects.count()
    run(client, "python-model", key=str(uuid.uuid4()))
    assert Job.objects.count() == 2
    assert Blob.objects.count() == blobs


def test_an_example_that_nothing_here_runs_says_so(client_of, alice, image, profile):
    answer = run(client_of(alice), "r-model")
    assert answer.url == reverse("job_list")
    assert "No environment here runs R" in str(next(iter(get_messages(answer.wsgi_request))))
    assert not Job.objects.exists()


def test_a_user_of_no_team_is_told(client_of, image, profile):
    answer = run(client_of(cast.new_user("lonely")), "python-model")
    assert "You are in no team yet" in str(next(iter(get_messages(answer.wsgi_request))))
    assert not Job.objects.exists()


def test_a_full_disk_is_told(client_of, alice, image, profile, settings):
    settings.STORAGE_RESERVE_BYTES = 2**62
    answer = run(client_of(alice), "python-model")
    assert "no room" in str(next(iter(get_messages(answer.wsgi_request))))
    assert not Job.objects.exists()


def test_unknown_examples_bad_keys_and_get_are_refused(client_of, alice, image, profile):
    client = client_of(alice)
    assert run(client, "nothing").status_code == 404
    assert run(client, "python-model", key="no-uuid").status_code == 400
    assert client.get(reverse("example_run", args=["python-model"])).status_code == 405
    assert find_example("python-model") is not None
    assert not Job.objects.exists()


def test_the_examples_are_offered_beside_a_form_that_is_empty(client_of, alice, image, profile, make_job):
    make_job()
    client = client_of(alice)
    url = client.get(reverse("job_new")).url
    assert "Run this example" in client.get(url).content.decode()
    client.post(url, {"arguments": "x", "action": "save"})
    assert "Run this example" not in client.get(url).content.decode()
