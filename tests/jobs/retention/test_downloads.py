"""Deletes against downloads through the front: each download is whole, or 410 before its first byte."""

import hashlib
import http.client
import io
import os
import random
import threading
import time
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from jobs.models import Artifact, Download, Job
from jobs.reconciler import tidy
from jobs.retention.auditor import broken_promises
from jobs.retention.deleting import delete_by_rules, erase
from tests.jobs.retention.conftest import has_logs

RACES = 40
SIZE = 400_000
pytestmark = pytest.mark.django_db(transaction=True)


class Reader(threading.Thread):
    """Downloads one address in small bites, as a slow line would."""

    def __init__(self, site, cookie: str, path: str, bite: int = 16_384, pause: float = 0.0) -> None:
        super().__init__()
        self.site, self.cookie, self.path, self.bite, self.pause = site, cookie, path, bite, pause
        self.status, self.body, self.is_whole = 0, b"", False
        self.began = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection(self.site.address.host, self.site.address.port, timeout=30)
        connection.request("GET", self.path, headers={"Cookie": self.cookie})
        response = connection.getresponse()
        self.status, parts = response.status, []
        self.began.set()
        try:
            while part := response.read(self.bite):
                parts.append(part)
                time.sleep(self.pause)
            told = response.getheader("Content-Length")
            self.body = b"".join(parts)
            self.is_whole = told is None or len(self.body) == int(told)
        except http.client.IncompleteRead:
            self.body = b"".join(parts)
        connection.close()


@pytest.fixture
def read(site, alice):
    cookie = site.cookie_of(alice)

    def start(path: str, **pace) -> Reader:
        reader = Reader(site, f"{cookie['name']}={cookie['value']}", path, **pace)
        reader.start()
        return reader

    return start


def addresses(job: Job) -> dict[str, str]:
    artifact = Artifact.objects.filter(attempt__job=job).first()
    return {
        "log": reverse("job_output_download", args=[job.pk, "stdout"]),
        "file": reverse("artifact_download", args=[job.pk, artifact.pk]),
        "zip": reverse("job_results_zip", args=[job.pk]),
    }


def is_right(what: str, body: bytes, files: dict[str, bytes], log: bytes) -> bool:
    if what == "zip":
        archive = zipfile.ZipFile(io.BytesIO(body))
        return archive.testzip() is None and {n: archive.read(n) for n in archive.namelist()} == files
    wanted = log if what == "log" else files[min(files)]
    return hashlib.sha256(body).digest() == hashlib.sha256(wanted).digest()


def test_a_download_ends_whole_or_never_begins(read, ended, rule, team):
    for kind in ("logs", "results"):
        rule(kind, days=30)
    seen = {"log": set(), "file": set(), "zip": set()}
    chance = random.Random(7)
    for _ in range(RACES):
        files = {f"{name}.bin": os.urandom(SIZE) for name in "abc"}
        log = os.urandom(SIZE)
        job = ended(31, logs=log, results=files)
        readers = {what: read(path) for what, path in addresses(job).items()}
        time.sleep(chance.uniform(0, 0.06))
        delete_by_rules()
        for what, reader in readers.items():
            reader.join(timeout=60)
            assert reader.status in (200, 410), (what, reader.status)
            if reader.status == 200:
                assert reader.is_whole, what
                assert is_right(what, reader.body, files, log), what
            seen[what].add(reader.status)
        while Download.objects.exists():
            time.sleep(0.01)
        erase()
        assert not has_logs(job)
        assert list(broken_promises()) == []
    # Both ends of the race were met, else it was none.
    assert {200, 410} <= set().union(*seen.values()), seen


def test_a_slow_archive_keeps_its_files_until_its_last_byte(read, ended, rule):
    files = {f"{number}.bin": os.urandom(6_000_000) for number in range(4)}
    job = ended(31, results=files)
    keys = list(Artifact.objects.values_list("key", flat=True))
    rule("results", days=30)
    reader = read(addresses(job)["zip"], bite=200_000, pause=0.01)
    reader.began.wait(30)
    delete_by_rules()
    assert all(default_storage.exists(key) for key in keys)
    assert not Artifact.objects.exists()
    late = read(reverse("job_results_zip", args=[job.pk]))
    late.join(60)
    assert late.status == 410
    reader.join(60)
    assert is_right("zip", reader.body, files, b"")
    deadline = time.monotonic() + 30
    while not erase():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not any(default_storage.exists(key) for key in keys)


def test_a_job_that_somebody_deletes_keeps_its_files_for_an_archive_under_way(read, ended):
    files = {f"{number}.bin": os.urandom(6_000_000) for number in range(4)}
    job = ended(1, results=files)
    reader = read(addresses(job)["zip"], bite=200_000, pause=0.01)
    reader.began.wait(30)
    Job.objects.update(deleted_at=timezone.now() - tidy.DELETED_AGE * 2)
    tidy.delete_jobs()
    assert Job.objects.exists()
    reader.join(60)
    assert is_right("zip", reader.body, files, b"")
    deadline = time.monotonic() + 30
    while Job.objects.exists():
        assert time.monotonic() < deadline
        tidy.delete_jobs()
        time.sleep(0.05)


def test_a_reader_who_leaves_lets_go(read, ended, rule, site):
    job = ended(31, results={"a.bin": os.urandom(12_000_000)})
    path = addresses(job)["zip"]
    reader = read(path, bite=1000)
    reader.began.wait(30)
    connection = http.client.HTTPConnection(site.address.host, site.address.port, timeout=30)
    connection.request("GET", path, headers={"Cookie": reader.cookie})
    connection.getresponse().read(1000)
    connection.sock and connection.sock.close()
    connection.close()
    reader.join(60)
    deadline = time.monotonic() + 30
    while Download.objects.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
