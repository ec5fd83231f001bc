"""One form, one job: however often and from wherever it is sent at the same moment; and nothing half-made."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connections
from django.urls import reverse

from jobs.models import Bundle, BundleFile, Draft, Job
from jobs.submission import drafts, submit
from tests import cast

AT_ONCE = 50


@pytest.fixture
def hinted(monkeypatch):
    hinted = []
    monkeypatch.setattr("jobs.hints.hint_cluster", hinted.append)
    return hinted


def at_once(count: int, call) -> list:
    """`call(number)` in so many threads, all let go at the same moment."""
    barrier = threading.Barrier(count, timeout=60)

    def one(number: int):
        try:
            barrier.wait()
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return [done.result() for done in [pool.submit(one, number) for number in range(count)]]


def filled_draft(client) -> str:
    url = client.get(reverse("job_new")).url
    client.post(url, {"file": SimpleUploadedFile("train.py", b"print(1)\n"), "action": "upload"})
    return url


@pytest.mark.django_db(transaction=True)
def test_fifty_posts_of_the_same_form_make_one_job_and_all_lead_to_it(
    client_of, alice, image, profile, hinted
):
    url = filled_draft(client_of(alice))
    clients = [client_of(alice) for _ in range(AT_ONCE)]
    answers = at_once(AT_ONCE, lambda number: clients[number].post(url, {"arguments": "x", "action": "run"}))
    job = Job.objects.get()
    assert {answer.url for answer in answers} == {job.get_absolute_url()}
    assert {answer.status_code for answer in answers} == {302}
    assert hinted == [image.cluster_id]
    assert not Draft.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_fifty_clicks_on_an_example_make_one_job_and_one_bundle(client_of, alice, image, profile, hinted):
    clients, key = [client_of(alice) for _ in range(AT_ONCE)], str(uuid.uuid4())
    address = reverse("example_run", args=["python-model"])
    answers = at_once(AT_ONCE, lambda number: clients[number].post(address, {"key": key}))
    job = Job.objects.get()
    assert {answer.url for answer in answers} == {job.get_absolute_url()}
    assert Bundle.objects.count() == 1
    assert hinted == [image.cluster_id]


@pytest.mark.django_db(transaction=True)
def test_fifty_clicks_on_run_again_make_one_job(client_of, alice, make_job, hinted):
    job = make_job(status="succeeded")
    clients, key = [client_of(alice) for _ in range(AT_ONCE)], str(uuid.uuid4())
    address = reverse("job_run_again", args=[job.pk])
    answers = at_once(AT_ONCE, lambda number: clients[number].post(address, {"key": key}))
    assert len({answer.url for answer in answers}) == 1
    assert Job.objects.count() == 2
    assert len(hinted) == 1


@pytest.mark.django_db(transaction=True)
def test_files_that_arrive_while_the_form_is_sent_are_in_the_job_or_in_no_job(
    client_of, alice, image, profile
):
    url = filled_draft(client_of(alice))
    clients = [client_of(alice) for _ in range(10)]

    def call(number: int):
        if number == 0:
            return clients[0].post(url, {"action": "run"})
        file = SimpleUploadedFile(f"f{number}.csv", b"%d" % number)
        return clients[number].post(url, {"file": file, "action": "upload"})

    at_once(10, call)
    job = Job.objects.get()
    kept = set(job.bundle.files.values_list("path", flat=True))
    assert "train.py" in kept
    # Nothing came into the bundle after it was frozen: what is there now stays what the job was given.
    assert BundleFile.objects.exclude(bundle=job.bundle).count() == 0


def test_the_unique_constraint_alone_would_be_enough(alice, image, profile, make_job, hinted, monkeypatch):
    first = make_job(status="succeeded")
    key = uuid.uuid4()
    again = submit.run_again(alice, first, key)
    # As if the other request had committed between the look and the insert.
    looks = iter([Job.objects.none()])
    real = Job.objects.filter
    monkeypatch.setattr(Job.objects, "filter", lambda **fields: next(looks, None) or real(**fields))
    assert submit.run_again(alice, first, key) == again
    assert Job.objects.count() == 2


def test_another_broken_constraint_is_not_taken_for_a_double_click(alice):
    with pytest.raises(IntegrityError):
        submit._existing_after(IntegrityError("job_status_known"), alice, uuid.uuid4())


def test_a_crash_before_the_commit_leaves_the_form_as_it_was(client_of, alice, image, profile, monkeypatch):
    client = client_of(alice)
    url = filled_draft(client)

    def die(name: str) -> None:
        if name == "submit.before_commit":
            raise RuntimeError("killed")

    monkeypatch.setattr("jobs.submission.submit.failpoint", die)
    with pytest.raises(RuntimeError):
        client.post(url, {"action": "run"})
    assert not Job.objects.exists()
    draft = Draft.objects.select_related("bundle").get()
    assert not draft.bundle.is_frozen
    monkeypatch.undo()
    client.post(url, {"action": "run"})
    assert Job.objects.get().bundle == draft.bundle


def test_a_failed_hint_does_not_fail_the_request(
    client_of, alice, image, profile, monkeypatch, django_capture_on_commit_callbacks
):
    client = client_of(alice)
    url = filled_draft(client)

    def fail(cluster_id: int) -> None:
        raise ConnectionError

    monkeypatch.setattr("jobs.hints.hint_cluster", fail)
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        assert client.post(url, {"action": "run"}).status_code == 302
    assert len(callbacks) == 2
    assert Job.objects.exists()


def test_a_file_to_start_that_changes_while_the_form_is_judged_is_judged_again(
    alice, image, profile, monkeypatch
):
    draft = drafts.create(alice, {})
    bundle = cast.new_bundle({"train.py": b"print(1)\n"}, is_frozen=False)
    bundle.files.update(bundle=draft.bundle)
    real, changes = submit._submit_locked, [b"\x7fELF\x02"]

    def changed_first(*args):
        if changes:
            BundleFile.objects.update(blob=cast.new_blob(changes.pop()))
        return real(*args)

    monkeypatch.setattr(submit, "_submit_locked", changed_first)
    done = submit.submit_draft(alice, draft.pk)
    assert done.job is None
    assert "compiled program" in str(done.form.errors["entry"])


def test_a_form_that_never_was_is_said_to_be_gone(alice):
    with pytest.raises(submit.DraftGone):
        submit.submit_draft(alice, uuid.uuid4())
