"""Run with changes: a fresh form that would run the job as it was, with its files."""

import pytest
from django.urls import reverse

from jobs.models import Blob, Draft, Job

FILES = {"main.py": b"print(1)\n", "data/a.csv": b"1,2\n"}


@pytest.fixture
def job(make_job):
    return make_job(
        status="failed",
        name="Model",
        tags=["a", "b c"],
        arguments=["--n", "two words", "it's"],
        environment={"A": "1", "B": " x"},
        time_limit_seconds=5405,
        files=FILES,
    )


def change(client, job) -> str:
    answer = client.post(reverse("job_run_with_changes", args=[job.pk]))
    assert answer.status_code == 302
    return answer.url


def test_the_form_sent_unchanged_makes_an_equal_job_of_the_same_content(client_of, alice, job):
    client = client_of(alice)
    blobs = Blob.objects.count()
    url = change(client, job)
    page = client.get(url).content.decode()
    assert "&quot;two words&quot;" in page or "&#x27;two words&#x27;" in page
    client.post(url, {"action": "run"})
    again = Job.objects.exclude(pk=job.pk).get()
    for field in ("team", "name", "tags", "entry", "arguments", "environment", "time_limit_seconds", "image"):
        assert getattr(again, field) == getattr(job, field), field
    assert again.bundle != job.bundle
    assert {file.path for file in again.bundle.files.all()} == set(FILES)
    assert Blob.objects.count() == blobs


def test_changing_the_form_leaves_the_old_job_as_it_was(client_of, alice, job):
    client = client_of(alice)
    url = change(client, job)
    client.post(url, {"remove": "data/a.csv"})
    client.post(url, {"arguments": "--column kmpl", "action": "run"})
    again = Job.objects.exclude(pk=job.pk).get()
    assert again.arguments == ["--column", "kmpl"]
    assert [file.path for file in again.bundle.files.all()] == ["main.py"]
    assert {file.path for file in job.bundle.files.all()} == set(FILES)
    assert job.bundle.is_frozen


def test_content_is_touched_before_it_is_shared_so_that_the_sweep_leaves_it(client_of, alice, job):
    Blob.objects.update(touched_at="2020-01-01T00:00Z")
    change(client_of(alice), job)
    assert not Blob.objects.filter(touched_at__year=2020).exists()


def test_an_environment_that_is_gone_is_guessed_anew(client_of, alice, job, image):
    from tests import cast

    other = cast.new_image(image.cluster, label="Python 4")
    image.delete()
    client = client_of(alice)
    client.post(change(client, job), {"action": "run"})
    assert Job.objects.exclude(pk=job.pk).get().image == other


def test_a_colleague_gets_a_form_of_their_own(client_of, bob, job):
    client = client_of(bob)
    change(client, job)
    assert Draft.objects.get().owner == bob


def test_strangers_find_no_job_and_get_is_no_way(client_of, charlie, alice, job):
    address = reverse("job_run_with_changes", args=[job.pk])
    assert client_of(charlie).post(address).status_code == 404
    assert client_of(alice).get(address).status_code == 405
    assert not Draft.objects.exists()
