"""New job: the form that waits, its files and fields, and the job that is made of it."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jobs.models import Draft, Job


def draft_url(client) -> str:
    """The address of the user's form."""
    return client.get(reverse("job_new")).url


def upload(name: str = "train.py", content: bytes = b"print('hello')\n") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_script_that_is_uploaded_and_run_becomes_a_job_with_a_frozen_bundle_and_a_hint(
    client_of, alice, team, image, profile, monkeypatch, django_capture_on_commit_callbacks
):
    hinted = []
    monkeypatch.setattr("jobs.hints.hint_cluster", hinted.append)
    client = client_of(alice)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            draft_url(client), {"file": upload(), "arguments": "--n 3 'a b'", "action": "run"}
        )
    job = Job.objects.get()
    assert answer.url == job.get_absolute_url()
    assert (job.owner, job.team, job.name, job.entry, job.status) == (
        alice,
        team,
        "train",
        "train.py",
        "queued",
    )
    assert job.command == ["python3", "-u", "train.py", "--n", "3", "a b"]
    assert job.bundle.is_frozen
    assert [file.path for file in job.bundle.files.all()] == ["train.py"]
    assert (job.profile_label, job.memory_bytes) == (profile.name, profile.memory_bytes)
    assert job.time_limit_seconds == 3600
    assert hinted == [image.cluster_id]
    assert not Draft.objects.exists()


def test_the_page_of_a_new_form_is_shown(client_of, alice, image, profile):
    client = client_of(alice)
    page = client.get(reverse("job_new"), follow=True)
    assert page.status_code == 200
    assert "Run on cluster" in page.content.decode()
