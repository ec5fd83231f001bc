"""A runner that is killed while it brings a large result to S3: the next one goes on with the parts that are there."""

import random
import subprocess
import sys
import time

import pytest

from jobs import store
from jobs.intake import direct as intake_direct
from jobs.models import Artifact
from jobs.store_s3 import _may_be_of
from tests.cutting_proxy import CuttingProxy
from tests.jobs.intake_caller import Runner, sha256
from tests.jobs.result_store.test_direct import begin, bring, content_of, uploader_of
from tests.s3_server import BUCKET
from tests.up.portal_process import BASE

MIB = 1 << 20
PART = 5 * MIB
DATA = random.Random(7).randbytes(8 * PART + 12345)
PARTS = 9
PATH = "results/big.bin"
RUNNER = """
import sys, time
from pathlib import Path
from runner import parts
from runner.portal_client import PortalClient
from runner.results import Found
from runner.upload import Uploader
parts.PART_BYTES = 5 << 20
url, token, work, size = sys.argv[1:]
client = PortalClient(url, token, time.monotonic() + 100, timeout=20.0)
uploader = Uploader(client, Path(work), Found({"results/big.bin": int(size)}), None)
uploader.is_direct = True
uploader.ask_what_is_there()
uploader.send_all()
print(uploader.results["results/big.bin"]["sha256"])
"""


@pytest.fixture
def work(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / PATH).write_bytes(DATA)
    return tmp_path


@pytest.fixture
def asked(in_s3, settings, monkeypatch):
    """Through a proxy that counts; the numbers of the parts that were asked for."""
    monkeypatch.setattr(intake_direct, "PART_BYTES", PART)
    numbers, real = [], intake_direct.part

    def part(attempt, facts):
        numbers.append(facts["number"])
        return real(attempt, facts)

    monkeypatch.setattr(intake_direct, "part", part)
    settings.RESULT_STORE_FOR_JOBS = in_s3.url
    return numbers


def parts_there(attempt):
    """The numbers of the parts that the storage has."""
    client, found = store.current().client, set()
    for begun in client.list_multipart_uploads(Bucket=BUCKET, Prefix=f"results/{attempt.pk}/").get(
        "Uploads", []
    ):
        parts = client.list_parts(Bucket=BUCKET, Key=begun["Key"], UploadId=begun["UploadId"]).get(
            "Parts", []
        )
        found |= {part["PartNumber"] for part in parts}
    return found


def start(attempt, url, work):
    words = [sys.executable, "-c", RUNNER, url, attempt.token, str(work), str(len(DATA))]
    return subprocess.Popen(words, cwd=BASE, stdout=subprocess.PIPE, text=True)


def kill_after(runner, proxy, count):
    """SIGKILL when so many more bytes have gone to the storage."""
    until = proxy.passed + count
    while proxy.passed < until and runner.poll() is None:
        time.sleep(0.001)
    runner.kill()
    runner.wait()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_runner_that_is_killed_at_random_parts_sends_none_twice(
    asked, in_s3, attempt, live_server, work, settings, seed
):
    proxy = CuttingProxy(int(in_s3.url.rpartition(":")[2]), [])
    settings.RESULT_STORE_FOR_JOBS = proxy.url
    chance, kills = random.Random(seed), 4
    try:
        for _ in range(kills):
            there = parts_there(attempt)
            asked.clear()
            kill_after(start(attempt, live_server.url, work), proxy, chance.randrange(MIB, 2 * PART))
            assert not there & set(asked), "what the storage has is not sent again"
        there = parts_there(attempt)
        asked.clear()
        last = start(attempt, live_server.url, work)
        assert last.communicate(timeout=60)[0].strip() == sha256(DATA)
    finally:
        proxy.close()
    assert there
    assert sorted(asked) == sorted(set(range(1, PARTS + 1)) - there)
    assert proxy.passed < len(DATA) + kills * (PART + MIB), "one part is lost with each kill, no more"
    artifact = Artifact.objects.get()
    assert artifact.sha256 == sha256(DATA)
    assert content_of(artifact) == DATA
    assert parts_there(attempt) == set()


@pytest.mark.django_db(transaction=True)
def test_a_part_that_the_script_has_written_over_is_sent_again(asked, attempt, live_server, work):
    ticket = begin(Runner(attempt), size=len(DATA)).json()["ticket"]
    bring(Runner(attempt), ticket, DATA[:PART], DATA[PART : 2 * PART])
    changed = b"!" + DATA[1:]
    (work / PATH).write_bytes(changed)
    asked.clear()
    uploader = uploader_of(attempt, live_server.url, work)
    uploader.send_all()
    assert sorted(asked) == [1, *range(3, PARTS + 1)]
    assert content_of(Artifact.objects.get()) == changed


def test_another_size_another_file_or_another_attempt_begins_anew(asked, attempt, make_job, make_attempt):
    ticket = begin(Runner(attempt), size=len(DATA)).json()["ticket"]
    bring(Runner(attempt), ticket, DATA[:PART])
    assert [part["number"] for part in begin(Runner(attempt), size=len(DATA)).json()["parts"]] == [1]
    assert begin(Runner(attempt), size=len(DATA) + 1).json()["parts"] == []
    assert begin(Runner(attempt), size=len(DATA), path="results/other.bin").json()["parts"] == []
    other = Runner(make_attempt(make_job(status="finishing")))
    assert begin(other, size=len(DATA)).json()["parts"] == []


def test_a_storage_that_does_not_let_the_portal_look_begins_anew(asked, attempt, monkeypatch):
    def refuse(*_args):
        raise store.StoreAway("the storage refuses: AccessDenied")

    monkeypatch.setattr(type(store.current()), "begun_parts", refuse)
    assert begin(Runner(attempt), size=len(DATA)).json()["parts"] == []


def test_two_runners_with_other_contents_do_not_make_one_file(asked, attempt):
    """The first one joins its parts; the second is not told that its own content is there."""
    runner = Runner(attempt)
    contents = (DATA[:PART], b"one"), (DATA[:PART], b"two")
    size = PART + 3
    first = bring(runner, begin(runner, size=size).json()["ticket"], *contents[0])
    assert runner._post("direct/done", first).status_code == 200
    ours = dict(first, etags=[first["etags"][0], '"' + "0" * 32 + '"'], sha256=sha256(b"".join(contents[1])))
    assert runner._post("direct/done", ours).status_code == 409
    assert Artifact.objects.get().sha256 == first["sha256"]


@pytest.mark.parametrize(
    ("etags", "whole", "may_be"),
    [
        (["900150983cd24fb0d6963f7d28e17f72"] * 2, "41f871086829ceb41c02d2f99e11ddd0-2", False),
        (["encrypted-1", "encrypted-2"], "anything", True),
        (["900150983cd24fb0d6963f7d28e17f72"], "encrypted by a key", True),
    ],
)
def test_a_storage_that_names_contents_otherwise_is_believed(etags, whole, may_be):
    assert _may_be_of(etags, whole) is may_be
