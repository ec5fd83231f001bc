"""Large results that go from the job to S3 itself: the portal signs, and the manifest still decides."""

import hashlib
import itertools
import random
import time
from datetime import timedelta

import pytest
import requests

from jobs import store
from jobs.intake import direct as intake_direct
from jobs.models import Artifact
from jobs.reconciler import tidy
from runner import direct, parts
from runner.portal_client import PortalClient
from runner.results import Found
from runner.upload import Uploader
from tests.cutting_proxy import CuttingProxy
from tests.jobs.intake_caller import Runner, sha256
from tests.s3_server import BUCKET

MIB = 1 << 20
DATA = random.Random(3).randbytes(17 * MIB)
WHOLE = len(DATA)
PATH = "results/big.bin"


@pytest.fixture
def open_to_jobs(in_s3, settings, monkeypatch):
    """Parts of the smallest size that S3 takes."""
    monkeypatch.setattr(intake_direct, "PART_BYTES", 5 * MIB)
    monkeypatch.setattr(parts, "PART_BYTES", 5 * MIB)
    monkeypatch.setattr(direct, "PAUSE_SECONDS", 0.01)
    settings.RESULT_STORE_FOR_JOBS = in_s3.url
    return in_s3


@pytest.fixture
def work(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / PATH).write_bytes(DATA)
    return tmp_path


def content_of(artifact):
    with store.open_(artifact.key) as file:
        return file.read()


def begin(runner, size=WHOLE, path=PATH):
    return runner._post("direct/begin", {"path": path, "size": size})


def bring(runner, ticket, *contents):
    etags = []
    for number, content in enumerate(contents, 1):
        url = runner._post("direct/part", {"ticket": ticket, "number": number}).json()["url"]
        etags.append(requests.put(url, content, timeout=10).headers["ETag"])
    return {"ticket": ticket, "sha256": sha256(b"".join(contents)), "etags": etags}


def test_parts_go_to_the_storage_and_become_one_file_that_the_manifest_lists(open_to_jobs, attempt):
    runner = Runner(attempt)
    begun = begin(runner).json()
    told = bring(runner, begun["ticket"], DATA[: 6 * MIB], DATA[6 * MIB :])
    assert not Artifact.objects.exists()
    for _ in range(2):  # the answer may have been lost
        assert runner._post("direct/done", told).json() == {"size": len(DATA), "sha256": sha256(DATA)}
    artifact = Artifact.objects.get()
    assert (artifact.size, artifact.is_listed) == (len(DATA), False)
    assert content_of(artifact) == DATA
    runner._results[PATH] = DATA
    assert runner.collected().status_code == 200
    assert Artifact.objects.get().is_listed


def test_a_signed_address_is_for_one_part_of_one_file_only(open_to_jobs, attempt):
    runner = Runner(attempt)
    ticket = begin(runner).json()["ticket"]
    url = runner._post("direct/part", {"ticket": ticket, "number": 1}).json()["url"]
    assert "X-Amz-Expires=300" in url
    assert requests.put(url.replace("partNumber=1", "partNumber=2"), b"x", timeout=10).status_code == 403
    assert requests.get(url, timeout=10).status_code == 403
    assert requests.put(f"{open_to_jobs.url}/{BUCKET}/results/x", b"x", timeout=10).status_code == 403


def test_a_ticket_is_for_one_attempt_and_cannot_be_changed(open_to_jobs, attempt, make_job, make_attempt):
    ticket = begin(Runner(attempt)).json()["ticket"]
    other = Runner(make_attempt(make_job(status="finishing")))
    for runner, shown in ((other, ticket), (Runner(attempt), ticket + "x"), (Runner(attempt), None)):
        assert runner._post("direct/part", {"ticket": shown, "number": 1}).status_code == 400
        told = {"ticket": shown, "sha256": "0" * 64, "etags": []}
        assert runner._post("direct/done", told).status_code == 400


def test_a_file_that_is_not_as_long_as_it_was_announced_is_not_taken(open_to_jobs, attempt):
    runner = Runner(attempt)
    told = bring(runner, begin(runner, size=100).json()["ticket"], b"short")
    assert runner._post("direct/done", told).status_code == 409
    assert not Artifact.objects.exists()


def test_parts_that_never_came_are_no_file(open_to_jobs, attempt):
    runner = Runner(attempt)
    ticket = begin(runner).json()["ticket"]
    told = {"ticket": ticket, "sha256": "0" * 64, "etags": ["0" * 32]}
    assert runner._post("direct/done", told).status_code in (409, 503)
    assert not Artifact.objects.exists()


def test_the_limits_hold_before_the_first_part(open_to_jobs, attempt, settings):
    settings.RESULT_MAX_BYTES = 1000
    assert begin(Runner(attempt)).status_code == 413
    assert begin(Runner(attempt), path="../up", size=1).status_code == 400


def test_where_jobs_do_not_reach_the_storage_everything_goes_through_the_portal(in_s3, attempt):
    runner = Runner(attempt)
    assert runner.claim().status_code == 409  # its script has run; what it was told is tested with the claim
    assert begin(runner).status_code == 404


def test_parts_that_were_begun_and_left_go_after_a_day(open_to_jobs, attempt):
    runner = Runner(attempt)
    ticket = begin(runner).json()["ticket"]
    told = bring(runner, ticket, DATA[: 5 * MIB])
    tidy.sweep_what_jobs_left(timedelta(hours=24))
    client = store.current().client
    assert len(client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])) >= 1
    tidy.sweep_what_jobs_left(timedelta(seconds=-60))
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    assert runner._post("direct/done", told).status_code == 409


def uploader_of(attempt, url, work):
    client = PortalClient(url, attempt.token, time.monotonic() + 100, timeout=20.0)
    uploader = Uploader(client, work, Found({PATH: len(DATA)}), None)
    uploader.is_direct = True
    return uploader


def brought_through(proxy, attempt, url, work, settings):
    """The uploader that sent everything, to a storage behind the proxy."""
    settings.RESULT_STORE_FOR_JOBS = proxy.url
    try:
        uploader = uploader_of(attempt, url, work)
        uploader.send_all()
    finally:
        proxy.close()
    return uploader


@pytest.mark.django_db(transaction=True)
def test_the_runner_brings_it_through_cuts_with_an_equal_hash(
    open_to_jobs, attempt, live_server, work, settings
):
    port = int(open_to_jobs.url.rpartition(":")[2])
    proxy = CuttingProxy(port, [1 * MIB, 7 * MIB + 5, 9 * MIB, 16 * MIB], {3})
    uploader = brought_through(proxy, attempt, live_server.url, work, settings)
    assert proxy.done >= 4
    assert proxy.passed > len(DATA), "the content itself went there"
    artifact = Artifact.objects.get()
    assert artifact.key.startswith(store.IN_S3)
    assert uploader.results[PATH]["sha256"] == artifact.sha256 == hashlib.sha256(DATA).hexdigest()
    assert content_of(artifact) == DATA


@pytest.mark.django_db(transaction=True)
def test_a_hundred_cuts_at_random_bytes_on_the_way_to_the_storage_change_no_byte(
    open_to_jobs, make_job, make_attempt, live_server, work, settings
):
    """After five in a row it is brought to the portal instead, which is as whole."""
    port, dice, done, direct = int(open_to_jobs.url.rpartition(":")[2]), random.Random(7), 0, 0
    while done < 100:
        attempt = make_attempt(make_job(status="running"), claimed_by="pod-1")
        cuts = list(itertools.accumulate(dice.randint(1, 9 * MIB) for _ in range(9)))
        proxy = CuttingProxy(port, cuts, {dice.randint(1, 4)})
        uploader = brought_through(proxy, attempt, live_server.url, work, settings)
        done, direct = done + proxy.done, direct + (proxy.done if uploader.is_direct else 0)
        artifact = attempt.artifacts.get()
        assert uploader.results[PATH]["sha256"] == artifact.sha256 == hashlib.sha256(DATA).hexdigest(), cuts
        assert content_of(artifact) == DATA, cuts
    assert direct > 50


@pytest.mark.django_db(transaction=True)
def test_a_job_that_cannot_reach_the_storage_brings_it_to_the_portal(
    open_to_jobs, attempt, live_server, work, settings
):
    settings.RESULT_STORE_FOR_JOBS = "http://127.0.0.1:9"
    uploader = uploader_of(attempt, live_server.url, work)
    uploader.send_all()
    assert not uploader.is_direct
    artifact = Artifact.objects.get()
    assert content_of(artifact) == DATA
    assert uploader.results[PATH]["sha256"] == hashlib.sha256(DATA).hexdigest()
