"""Downloads through the real front that are cut at 100 random bytes and gone on with: the same to the last byte."""

import hashlib
import http.client
import random
import threading
import time

import pytest
from django.urls import reverse

from jobs.models import Download
from jobs.output import landmarks, outputlog
from jobs.output.holes import LIMIT, Hole
from jobs.output.outputlog import Told
from tests.cast import new_artifact
from tests.cutting_proxy import OneWayCuttingProxy
from tests.jobs.downloads.resumer import HEADERS, Resumer

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
CUTS = 100
SIZE = 1_500_000


@pytest.fixture
def job(make_job, make_attempt):
    """Ended, with both streams, a hole in stdout, and a result."""
    job = make_job(status="succeeded")
    attempt = make_attempt(job)
    dice = random.Random(11)
    stored, known = {"stdout": 0, "stderr": 0}, None
    while min(stored.values()) < SIZE:
        for stream in stored:
            data = dice.randbytes(dice.randint(1, 60_000)) + b"\n" * dice.randint(0, 1)
            is_place = stream == "stdout" and stored["stdout"] > SIZE // 2 > stored["stdout"] - 60_001
            hole = Hole(stored["stdout"], 77, LIMIT) if is_place and not known else None
            known = known or hole
            outputlog.append(attempt.pk, stream, stored[stream], data, Told(0, hole))
            stored[stream] += len(data)
    landmarks.note(attempt.pk)
    new_artifact(attempt, "results/a.bin", dice.randbytes(SIZE))
    yield job
    outputlog.delete(attempt.pk)


def whole(client, path):
    return b"".join(client.get(path).streaming_content)


def cut_all_over(site, user, path, seed):
    """What arrives through a front whose connections break; the statuses, and how many did."""
    dice = random.Random(seed)
    proxy = OneWayCuttingProxy((site.address.host, site.address.port))
    proxy.cuts = [("down", HEADERS + dice.randint(0, 2 * SIZE // CUTS)) for _ in range(CUTS)]
    cookie = site.cookie_of(user)
    resumer = Resumer(proxy.url, path, f"{cookie['name']}={cookie['value']}")
    try:
        return resumer.run(CUTS + 1), resumer.statuses, proxy.made
    finally:
        proxy.close()


@pytest.mark.parametrize("what", ["stdout", "stderr", "merged", "result"])
def test_cut_at_a_hundred_bytes_and_gone_on_with_it_is_the_same(site, alice, client_of, settings, job, what):
    settings.SEND_FILES_BY_ACCEL = False
    artifact = job.attempts.get().artifacts.get()
    path = (
        reverse("artifact_download", args=[job.pk, artifact.pk])
        if what == "result"
        else reverse("job_output_download", args=[job.pk, what])
    )
    wanted = whole(client_of(alice), path)
    got, statuses, made = cut_all_over(site, alice, path, what)
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(wanted).hexdigest()
    assert statuses == [200] + [206] * made
    assert made > CUTS // 2
    deadline = time.monotonic() + 30
    while Download.objects.exists():
        assert time.monotonic() < deadline, "who was cut still holds the log"
        time.sleep(0.05)


@pytest.mark.parametrize("what", ["stdout", "merged"])
def test_the_same_while_the_script_writes_on(site, alice, client_of, make_job, make_attempt, what):
    job = make_job(status="running")
    attempt = make_attempt(job)
    dice = random.Random(12)
    begun = dice.randbytes(SIZE)
    outputlog.append(attempt.pk, "stdout", 0, begun)
    outputlog.append(attempt.pk, "stderr", 0, b"oh")
    path = reverse("job_output_download", args=[job.pk, what])
    wanted = whole(client_of(alice), path)
    is_over = threading.Event()

    def write_on():
        size = SIZE
        while not is_over.wait(0.01):
            size = outputlog.append(attempt.pk, "stdout", size, dice.randbytes(1000))
            landmarks.note(attempt.pk)

    writer = threading.Thread(target=write_on)
    # The first answer is that of now: the writer begins behind it.
    proxy = OneWayCuttingProxy((site.address.host, site.address.port))
    proxy.cuts = [("down", HEADERS + dice.randint(0, 4 * SIZE // CUTS)) for _ in range(CUTS // 2)]
    cookie = site.cookie_of(alice)
    resumer = Resumer(proxy.url, path, f"{cookie['name']}={cookie['value']}")
    try:
        assert not resumer.goes_on()
        writer.start()
        assert resumer.run(CUTS) == wanted
        assert resumer.statuses == [200] + [206] * proxy.made
    finally:
        is_over.set()
        writer.join()
        proxy.close()
        outputlog.delete(attempt.pk)


def test_head_has_no_body_and_all_the_words(site, alice, job):
    cookie = site.cookie_of(alice)
    connection = http.client.HTTPConnection(site.address.host, site.address.port, timeout=30)
    for what in ("stdout", "stderr", "merged", "stdout"):
        path = reverse("job_output_download", args=[job.pk, what])
        # One connection for all: a body that was sent would be taken for the next answer.
        connection.request("HEAD", path, headers={"Cookie": f"{cookie['name']}={cookie['value']}"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b""), what
        assert answer.getheader("Accept-Ranges") == "bytes"
        assert answer.getheader("ETag").startswith('"')
        assert int(answer.getheader("Content-Length")) >= SIZE
    connection.close()
