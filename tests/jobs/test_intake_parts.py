"""Large results in parts: what is confirmed is never sent twice, and what is stored is what the script wrote."""

import hashlib
import json
import os
import random
import threading
import time
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from jobs import bundles
from jobs.intake import parts as intake_parts
from jobs.intake.bearer import IntakeRefused
from jobs.models import Artifact
from jobs.uploads import incoming
from runner import parts, portal_client
from runner.portal_client import PortalClient
from runner.results import Found
from runner.upload import Uploader
from tests.cutting_proxy import CuttingProxy
from tests.jobs.intake_caller import Runner, sha256

KIB = 1024
DATA = random.Random(6).randbytes(100 * KIB)
WHOLE = len(DATA)
BIG = 2 * KIB * KIB


@pytest.fixture
def attempt(ended_attempt):
    return ended_attempt


def put(attempt, offset, data, size=WHOLE, path="results/big.bin"):
    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    return client.put(
        f"/intake/results?path={path}&offset={offset}&size={size}",
        data,
        content_type="application/octet-stream",
        headers={"content-length": str(len(data))},
    )


def known(attempt):
    return Client(headers={"authorization": f"Bearer {attempt.token}"}).get("/intake/known").json()


def content_of(artifact):
    with default_storage.open(artifact.key) as file:
        return file.read()


def staged():
    return list(incoming.folder().glob(f"{intake_parts.NAME}*"))


def forget_digests():
    """As a portal that was started again."""
    intake_parts._digests = intake_parts._Digests()


def test_each_part_is_confirmed_with_the_hash_of_all_before_it_and_the_last_one_stores_the_file(attempt):
    first = put(attempt, 0, DATA[:40000])
    assert first.json() == {"offset": 40000, "sha256": sha256(DATA[:40000])}
    assert not Artifact.objects.exists()
    last = put(attempt, 40000, DATA[40000:])
    assert last.json() == {"offset": len(DATA), "sha256": sha256(DATA)}
    artifact = Artifact.objects.get()
    assert (artifact.size, artifact.sha256, artifact.is_listed) == (len(DATA), sha256(DATA), False)
    assert content_of(artifact) == DATA
    assert staged() == []


def test_a_portal_that_was_started_again_goes_on_where_it_was(attempt):
    put(attempt, 0, DATA[:70000])
    forget_digests()
    assert put(attempt, 70000, DATA[70000:]).json()["sha256"] == sha256(DATA)
    assert content_of(Artifact.objects.get()) == DATA


def test_a_part_that_was_cut_off_does_not_count(attempt):
    import io

    put(attempt, 0, DATA[:40000])
    client = Client(headers={"authorization": f"Bearer {attempt.token}"})
    cut = {"wsgi.input": io.BytesIO(DATA[40000:50000]), "CONTENT_LENGTH": "30000"}
    url = f"/intake/results?path=results/big.bin&offset=40000&size={len(DATA)}"
    assert client.generic("PUT", url, **cut).status_code == 503
    assert known(attempt)["parts"] == [
        {"path": "results/big.bin", "offset": 40000, "sha256": sha256(DATA[:40000])}
    ]
    assert put(attempt, 40000, DATA[40000:]).status_code == 200
    assert content_of(Artifact.objects.get()) == DATA


def test_a_part_from_elsewhere_is_told_where_to_go_on(attempt):
    put(attempt, 0, DATA[:40000])
    answer = put(attempt, 50000, DATA[50000:])
    assert answer.status_code == 409
    told = {name: answer.json()[name] for name in ("offset", "sha256", "is_stored")}
    assert told == {"offset": 40000, "sha256": sha256(DATA[:40000]), "is_stored": False}


def test_the_last_answer_may_be_lost_and_the_file_is_there_all_the_same(attempt):
    put(attempt, 0, DATA[:40000])
    put(attempt, 40000, DATA[40000:])
    answer = put(attempt, 40000, DATA[40000:])
    assert answer.status_code == 409
    assert answer.json()["is_stored"]
    assert (answer.json()["offset"], answer.json()["sha256"]) == (len(DATA), sha256(DATA))


def test_a_file_that_could_not_be_stored_at_its_end_is_stored_by_an_empty_part(attempt, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    put(attempt, 0, DATA[:40000])
    with monkeypatch.context() as patch:
        patch.setattr("jobs.store.save", full)
        assert put(attempt, 40000, DATA[40000:]).status_code == 507
    assert put(attempt, len(DATA), b"").json() == {"offset": len(DATA), "sha256": sha256(DATA)}
    assert content_of(Artifact.objects.get()) == DATA


def test_bytes_that_the_disk_lost_are_not_taken_for_the_script_s(attempt):
    put(attempt, 0, DATA[:40000])
    forget_digests()
    [place] = [place for place in staged() if not place.name.endswith(".json")]
    place.write_bytes(b"\0" * 40000)
    answer = put(attempt, 40000, DATA[40000:])
    assert (answer.status_code, answer.json()["offset"]) == (409, 0)


@pytest.mark.parametrize(
    ("offset", "data", "size"), [(0, b"12345", 4), (3, b"12", 4), (0, b"", 4), (2, b"", 4)]
)
def test_a_part_lies_within_its_file(attempt, offset, data, size):
    assert put(attempt, offset, data, size=size).status_code == 400


def test_the_limits_count_the_whole_file_before_its_first_part(attempt, settings):
    settings.RESULT_MAX_BYTES = 1000
    assert put(attempt, 0, b"1", size=1001).status_code == 413
    assert staged() == []


def test_two_requests_never_write_one_file(attempt, monkeypatch):
    monkeypatch.setattr(intake_parts, "WAIT_SECONDS", 0.05)
    place = intake_parts._place(attempt.pk, "results/big.bin")
    with intake_parts._locked(place):
        assert put(attempt, 0, DATA[:10]).status_code == 503


def test_a_part_waits_for_the_one_before_it(attempt, monkeypatch):
    looks = []
    place = intake_parts._place(attempt.pk, "results/big.bin")
    put(attempt, 0, DATA[:10])
    held = intake_parts._handle_of(place)
    assert held is not None

    def look(seconds):
        looks.append(seconds)
        if len(looks) == 3:
            os.close(held)

    monkeypatch.setattr(intake_parts.time, "sleep", look)
    assert put(attempt, 10, DATA[10:20]).json()["offset"] == 20
    assert len(looks) == 3


def test_few_wait_at_once_and_the_others_are_told_at_once(attempt, monkeypatch):
    monkeypatch.setattr(intake_parts, "_waiting", threading.BoundedSemaphore(1))
    monkeypatch.setattr(intake_parts.time, "sleep", lambda _: pytest.fail("it waited"))
    with intake_parts._locked(intake_parts._place(attempt.pk, "results/big.bin")), intake_parts._waiting:
        assert put(attempt, 0, DATA[:10]).status_code == 503


def test_an_earlier_file_of_another_size_is_not_what_is_there_of_this_one(attempt):
    put(attempt, 0, DATA[:40000], size=40000)
    answer = put(attempt, 50000, DATA[50000:])
    assert answer.status_code == 409
    told = {name: answer.json()[name] for name in ("offset", "is_stored")}
    assert told == {"offset": 0, "is_stored": False}


def test_what_was_begun_goes_with_the_manifest_and_after_a_day(attempt, django_capture_on_commit_callbacks):
    put(attempt, 0, DATA[:10])
    assert len(staged()) == 2
    bundles.sweep_orphan_content(timedelta(hours=24))
    assert len(staged()) == 2
    for place in staged():
        os.utime(place, (0, 0))
    bundles.sweep_orphan_content(timedelta(hours=24))
    assert staged() == []
    put(attempt, 0, DATA[:10])
    with django_capture_on_commit_callbacks(execute=True):
        assert Runner(attempt).collected().status_code == 200
    assert staged() == []


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 64 * KIB)
    monkeypatch.setattr(parts, "MOST_PART_BYTES", 64 * KIB)
    monkeypatch.setattr(portal_client, "LONGEST_PAUSE", 0.01)


def uploader_of(attempt, url, work):
    client = PortalClient(url, attempt.token, time.monotonic() + 200, timeout=20.0)
    return Uploader(client, work, Found({"results/big.bin": 0}), None)


@pytest.fixture
def work(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "big.bin").write_bytes(random.Random(7).randbytes(BIG))
    return tmp_path


@pytest.mark.django_db(transaction=True)
def test_a_hundred_cuts_at_random_bytes_end_with_equal_hashes(attempt, live_server, work, small_parts):
    chance = random.Random(os.environ.get("CUTS", "6"))
    wrote = chance.randbytes(6 * KIB * KIB)
    (work / "results" / "big.bin").write_bytes(wrote)
    cuts = [chance.randrange(len(wrote)) for _ in range(90)]
    proxy = CuttingProxy(
        live_server.thread.port, cuts, {chance.randrange(4, 40) * 2 for _ in range(10)} | {1}
    )
    try:
        uploader = uploader_of(attempt, proxy.url, work)
        uploader.send_all()
    finally:
        proxy.close()
    assert len(proxy._cuts) == 0
    assert proxy.done >= 95
    artifact = Artifact.objects.get()
    assert (
        uploader.results["results/big.bin"]["sha256"] == artifact.sha256 == hashlib.sha256(wrote).hexdigest()
    )
    assert content_of(artifact) == wrote
    # Sent again was only what was not confirmed: less than a part for each cut.
    assert proxy.passed < len(wrote) + (proxy.done + 5) * 70 * KIB


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_is_full_now_and_then_does_not_leave_an_earlier_version(
    attempt, live_server, work, small_parts, monkeypatch
):
    """Parts sent ahead come before the one that is refused, to a portal that has the file as it was before."""
    whole = (work / "results" / "big.bin").read_bytes()
    Runner(attempt).result("results/big.bin", whole[: BIG // 2])
    chance = random.Random(8)
    room = intake_parts.check_space

    def narrow(length):
        if chance.random() < 0.4:
            raise IntakeRefused(507, "The portal's disk is full; an admin has to make room.")
        room(length)

    monkeypatch.setattr(intake_parts, "check_space", narrow)
    uploader = uploader_of(attempt, live_server.url, work)
    uploader.send_all()
    artifact = Artifact.objects.get(is_listed=False)
    assert uploader.results["results/big.bin"]["sha256"] == artifact.sha256 == sha256(whole)
    assert content_of(artifact) == whole


@pytest.mark.django_db(transaction=True)
def test_a_runner_that_was_killed_is_followed_by_one_that_sends_only_the_rest(
    attempt, live_server, work, small_parts
):
    proxy = CuttingProxy(live_server.thread.port, [])
    whole = (work / "results" / "big.bin").read_bytes()
    put(attempt, 0, whole[: 15 * BIG // 16], size=len(whole))
    runner = Runner(attempt)
    runner.result("results/small.txt", b"small")
    (work / "results" / "small.txt").write_bytes(b"small")
    try:
        uploader = uploader_of(attempt, proxy.url, work)
        uploader._found.files["results/small.txt"] = 5
        uploader.ask_what_is_there()
        uploader.send_all()
    finally:
        proxy.close()
    assert {path: facts["sha256"] for path, facts in uploader.results.items()} == {
        "results/big.bin": sha256(whole),
        "results/small.txt": sha256(b"small"),
    }
    # A sixteenth; a part that overtakes the one before it on a busy machine is sent again.
    assert proxy.passed < BIG / 4
    assert content_of(Artifact.objects.get(path="results/big.bin")) == whole


@pytest.mark.django_db(transaction=True)
def test_a_file_that_became_another_one_meanwhile_is_sent_from_its_beginning(
    attempt, live_server, work, small_parts
):
    put(attempt, 0, b"x" * 65536, size=BIG)
    uploader = uploader_of(attempt, live_server.url, work)
    uploader.ask_what_is_there()
    uploader.send_all()
    assert content_of(Artifact.objects.get()) == (work / "results" / "big.bin").read_bytes()


@pytest.mark.django_db(transaction=True)
def test_a_file_that_changes_while_it_is_sent_is_sent_again_or_left_out(
    attempt, live_server, work, small_parts
):
    place = work / "results" / "big.bin"
    over = threading.Event()

    def scribble():
        with place.open("r+b") as file:
            while not over.wait(0.01):
                file.seek(BIG - 1)
                file.write(os.urandom(1))
                file.flush()

    thread = threading.Thread(target=scribble)
    thread.start()
    uploader = uploader_of(attempt, live_server.url, work)
    uploader.send_all()
    over.set()
    thread.join()
    assert uploader.results == {}
    assert uploader._found.skipped == [{"path": "results/big.bin", "why": "it changed while it was read"}]
    # Touched is not changed: the content decides.
    place.touch()
    uploader.send("results/big.bin")
    assert uploader.results["results/big.bin"]["sha256"] == hashlib.sha256(place.read_bytes()).hexdigest()


def test_a_note_that_cannot_be_read_means_begin_anew(attempt):
    put(attempt, 0, DATA[:10])
    [note] = [place for place in staged() if place.name.endswith(".json")]
    note.write_text(json.dumps({"odd": 1})[:5])
    assert put(attempt, 10, DATA[10:]).json()["offset"] == 0
