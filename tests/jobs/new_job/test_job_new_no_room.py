"""A full disk: nothing new is taken or sent, nothing typed is lost, and what runs goes on."""

import io
import os
import subprocess
import uuid
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from jobs.models import Artifact, Blob, BundleFile, Draft, Job
from jobs.uploads import incoming
from jobs.uploads.room import SMALL_BYTES
from tests.jobs.intake_caller import Runner

MIB = 1 << 20
FULL = 2**62


class NeverRead(io.BytesIO):
    def read(self, *_):
        raise AssertionError("the upload was read")


def test_an_upload_without_room_is_refused_before_its_first_byte_is_taken(client, url, settings):
    settings.STORAGE_RESERVE_BYTES = FULL
    body = {"wsgi.input": NeverRead(), "CONTENT_LENGTH": str(SMALL_BYTES + 1)}
    answer = client.post(url, content_type="multipart/form-data; boundary=x", **body)
    assert answer.status_code == 507
    assert "disk has no room for this upload" in answer.content.decode()
    assert "Ask an admin to free space" in answer.content.decode()
    assert not BundleFile.objects.exists()


@pytest.mark.parametrize("reserve", [0, FULL])
def test_of_whoever_has_no_session_nothing_is_read_at_all(settings, url, reserve):
    settings.STORAGE_RESERVE_BYTES = reserve
    body = {"wsgi.input": NeverRead(), "CONTENT_LENGTH": str(SMALL_BYTES + 1)}
    answer = Client().post(url, content_type="multipart/form-data; boundary=x", **body)
    assert (answer.status_code, "/accounts/login/" in answer.headers["Location"]) == (302, True)


def test_a_small_form_is_read_and_kept_and_says_that_the_disk_is_full(client, url, settings):
    settings.STORAGE_RESERVE_BYTES = FULL
    form = {"file": SimpleUploadedFile("a.py", b"1"), "arguments": "--keep", "begin": "1", "end": "1"}
    for more in ({"action": "run"}, {"action": "upload", "script": "1"}):
        answer = client.post(url, form | more | {"file": SimpleUploadedFile("a.py", b"1")})
        assert answer.status_code == 507
        assert "no room" in answer.content.decode()
    assert Draft.objects.get().fields["arguments"] == "--keep"
    assert not Job.objects.exists()


def test_nothing_is_sent_while_the_disk_is_full_and_the_form_goes_when_it_is_not(client, url, settings):
    script = {"file": SimpleUploadedFile("a.py", b"1"), "begin": "1", "end": "1"}
    client.post(url, script | {"action": "upload"})
    reserve, settings.STORAGE_RESERVE_BYTES = settings.STORAGE_RESERVE_BYTES, FULL
    answer = client.post(url, {"action": "run", "begin": "1", "end": "1"})
    assert answer.status_code == 507
    assert "disk is full, so nothing new is sent" in answer.content.decode()
    assert not Job.objects.exists()
    settings.STORAGE_RESERVE_BYTES = reserve
    client.post(url, {"action": "run", "begin": "1", "end": "1"})
    job = Job.objects.get()
    settings.STORAGE_RESERVE_BYTES = FULL
    page = client.post(reverse("job_run_again", args=[job.pk]), {"key": str(uuid.uuid4())}, follow=True)
    assert "disk is full, so nothing new is sent" in page.content.decode()
    assert Job.objects.count() == 1


@pytest.fixture
def small_disk(tmp_path, settings):
    """A real file system of 32 MiB under the portal's files."""
    place = tmp_path / "files"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "stellwerk-tests", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        settings.MEDIA_ROOT = place
        settings.STORAGES = settings.STORAGES | {
            "default": settings.STORAGES["default"] | {"OPTIONS": {"location": place}}
        }
        settings.STORAGE_RESERVE_BYTES = 8 * MIB
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with ballast.open("wb") as file:
        file.write(bytes(free - leave))
    return ballast


def test_on_a_disk_that_is_really_full_submits_are_refused_and_results_follow_when_there_is_room(
    client, url, small_disk, make_job, make_attempt
):
    attempt = make_attempt(make_job(status="running"))
    runner = Runner(attempt)
    runner.run()
    ballast = fill(small_disk, leave=9 * MIB)
    big = {"file": SimpleUploadedFile("big.bin", bytes(2 * MIB)), "begin": "1", "end": "1", "action": "run"}
    before = Blob.objects.count()
    assert client.post(url, big).status_code == 507
    assert (Blob.objects.count(), list(incoming.folder().iterdir())) == (before, [])
    assert runner.result("results/a.bin", bytes(2 * MIB)).status_code == 507
    assert runner.output(b"goes on\n").status_code == 200
    ballast.unlink()
    assert runner.result("results/a.bin", bytes(2 * MIB)).status_code == 200
    assert runner.collected().status_code == 200
    assert Artifact.objects.get(is_listed=True).size == 2 * MIB
    attempt.refresh_from_db()
    assert attempt.exit_code == 0
    big["file"] = SimpleUploadedFile("big.py", b"#" * 2 * MIB)
    assert client.post(url, big).status_code == 302


def test_a_disk_that_fills_up_within_a_part_keeps_what_was_confirmed(
    small_disk, settings, make_job, make_attempt
):
    settings.STORAGE_RESERVE_BYTES = 0
    attempt = make_attempt(make_job(status="finishing"))
    Runner(attempt).run()
    sent = Client(headers={"authorization": f"Bearer {attempt.token}"})

    def part(offset, length):
        where = f"/intake/results?path=results/big&offset={offset}&size={6 * MIB}"
        return sent.put(where, bytes(length), content_type="application/octet-stream")

    assert part(0, 3 * MIB).status_code == 200
    ballast = fill(small_disk, leave=4 * MIB)
    settings.STORAGE_RESERVE_BYTES = -(1 << 40)  # the look before it sees enough: the write itself fails
    with ballast.open("ab") as file:
        file.write(bytes(3 * MIB))
    assert part(3 * MIB, 3 * MIB).status_code == 507
    ballast.unlink()
    assert part(3 * MIB, 3 * MIB).json()["offset"] == 6 * MIB
