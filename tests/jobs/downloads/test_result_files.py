"""Parts of a result file: sent by Django itself, from the disk and from a real S3 server, with the same answers."""

import hashlib
import random
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs import store
from jobs.models import Artifact, Download
from jobs.retention.deleting import delete_by_rules
from tests.cutting_proxy import OneWayCuttingProxy
from tests.jobs.downloads.resumer import HEADERS, Resumer
from tests.jobs.result_store.conftest import s3, use_s3
from tests.jobs.retention.conftest import rule

__all__ = ["rule", "s3", "use_s3"]
BYTES = random.Random(6).randbytes(3_000_000)
CUTS = 50


@pytest.fixture(params=["disk", "s3"])
def artifact(request, settings, make_job, make_attempt, tmp_path):
    settings.SEND_FILES_BY_ACCEL = False
    if request.param == "s3":
        request.getfixturevalue("use_s3")(settings, request.getfixturevalue("s3"))
    place = tmp_path / "arrived"
    place.write_bytes(BYTES)
    attempt = make_attempt(make_job(status="succeeded"))
    key = store.save(place, attempt.pk)
    yield Artifact.objects.create(
        attempt=attempt,
        path="results/a.bin",
        size=len(BYTES),
        sha256=hashlib.sha256(BYTES).hexdigest(),
        key=key,
        is_listed=True,
    )
    store.delete(key)


def address(artifact, name="artifact_download"):
    return reverse(name, args=[artifact.attempt.job_id, artifact.pk])


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["artifact_download", "artifact_raw"])
def test_any_part_can_be_had_alone(alice, client_of, artifact, name):
    def get(span="", **headers):
        return client_of(alice).get(address(artifact, name), headers={"range": span} | headers)

    whole = get()
    tag = whole["ETag"]
    assert whole.getvalue() == BYTES
    assert whole["Accept-Ranges"] == "bytes"
    assert whole.has_header("Last-Modified")
    for span, part in {
        "bytes=0-0": BYTES[:1],
        "bytes=7-1000000": BYTES[7:1_000_001],
        "bytes=2999999-": BYTES[-1:],
        "bytes=-1000": BYTES[-1000:],
    }.items():
        answer = get(span, **{"if-range": tag})
        assert (answer.status_code, answer.getvalue()) == (206, part), span
        assert answer["ETag"] == tag
        assert answer["Content-Security-Policy"].startswith("sandbox")
        assert answer["Content-Disposition"] == whole["Content-Disposition"]
    assert get("bytes=3000000-").status_code == 416
    other = get("bytes=7-", **{"if-range": '"other"'})
    assert (other.status_code, other.getvalue()) == (200, BYTES)
    assert get(**{"if-none-match": tag}).status_code == 304
    assert not Download.objects.exists(), "nothing is held once it is sent"


@pytest.mark.django_db
def test_head_tells_the_size_and_reads_nothing(alice, client_of, artifact, monkeypatch):
    monkeypatch.setattr(store, "open_", lambda *_: pytest.fail("opened"))
    answer = client_of(alice).head(address(artifact))
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(BYTES)))
    assert answer["ETag"].startswith('"')


@pytest.mark.django_db
def test_two_contents_never_share_a_tag(alice, client_of, artifact, tmp_path):
    def tag():
        answer = client_of(alice).head(address(artifact))
        return answer["ETag"]

    first, old = tag(), artifact.key
    place = tmp_path / "other"
    place.write_bytes(BYTES)
    Artifact.objects.filter(pk=artifact.pk).update(key=store.save(place, artifact.attempt_id))
    assert tag() != first
    store.delete(old)


@pytest.mark.django_db
def test_gone_is_said_before_the_first_byte_also_to_who_wants_to_go_on(alice, client_of, artifact, rule):
    tag = client_of(alice).head(address(artifact))["ETag"]
    job = artifact.attempt.job
    type(job).objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=31))
    rule("results", days=30)
    delete_by_rules()
    answer = client_of(alice).get(address(artifact), headers={"range": "bytes=7-", "if-range": tag})
    assert answer.status_code == 410


@pytest.mark.django_db(transaction=True)
def test_cut_at_random_bytes_and_gone_on_with_it_is_the_same(live_server, alice, client_of, artifact):
    dice = random.Random(artifact.key.startswith("s3:"))
    proxy = OneWayCuttingProxy((live_server.thread.host, live_server.thread.port))
    cookie = f"sessionid={client_of(alice).cookies['sessionid'].value}"
    proxy.cuts = [("down", HEADERS + dice.randint(0, 2 * len(BYTES) // CUTS - HEADERS)) for _ in range(CUTS)]
    resumer = Resumer(proxy.url, address(artifact), cookie)
    got = resumer.run(CUTS + 1)
    proxy.close()
    assert hashlib.sha256(got).hexdigest() == artifact.sha256
    assert proxy.made > CUTS // 2
    assert resumer.statuses == [200] + [206] * proxy.made
