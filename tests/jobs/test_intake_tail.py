"""PUT /intake/output/<stream>?tail=P: what a script wrote last, kept beside the log until the log has it."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import hints
from jobs.models import Attempt, Job
from jobs.output import outputlog
from jobs.output.holes import LIMIT
from jobs.output.tails import MOST_BYTES, Tail, tail_of
from runner.kept import Lost
from runner.portal_client import PortalRefused, Request
from runner.shipping import StreamShipper
from tests.jobs.intake_caller import Runner, sha256


@pytest.fixture
def attempt(make_job, make_attempt):
    attempt = make_attempt(make_job(status="running"))
    runner = Runner(attempt)
    for answer in (runner.claim(), runner.started(), runner.output(b"head\n")):
        assert answer.status_code == 200, answer.content
    yield attempt
    outputlog.delete(attempt.pk)


@pytest.fixture
def runner(attempt):
    runner = Runner(attempt)
    runner.output(b"head\n")
    return runner


def kept(attempt, stream="stdout"):
    return tail_of(outputlog.folder_of(attempt.pk), stream)


def test_it_is_kept_beside_the_log_and_counted_nowhere(attempt, runner):
    answer = runner.tail(b"newest\n", 1000)
    assert (answer.status_code, answer.json()) == (200, {"size": 5, "holes": [], "watched": False})
    assert kept(attempt) == Tail(1000, b"newest\n")
    assert kept(attempt, "stderr") is None
    assert outputlog.sizes(attempt.pk) == outputlog.Place(5, 0)
    assert outputlog.extents(attempt.pk)["stdout"] == (1007, ())
    attempt.refresh_from_db()
    assert attempt.stdout_size == 5


def test_only_the_newest_is_kept_in_whatever_order_they_come(attempt, runner):
    runner.tail(b"second\n", 2000)
    for data, at in ((b"first\n", 1000), (b"second\n", 2000), (b"cond\n", 2002), (b"sec", 2000)):
        assert runner.tail(data, at).status_code == 200
        assert kept(attempt) == Tail(2000, b"second\n")
    runner.tail(b"second\nthird\n", 2000)
    assert kept(attempt) == Tail(2000, b"second\nthird\n")
    assert sorted(path.name for path in outputlog.folder_of(attempt.pk).glob("stdout.*")) == [
        "stdout.facts",
        "stdout.log",
        "stdout.tail",
    ]


def test_it_is_bounded(attempt, runner):
    data = b"x" * MOST_BYTES
    assert runner.tail(data, 1000).status_code == 200
    assert runner.tail(data + b"x", 2000).status_code == 413
    assert kept(attempt) == Tail(1000, data)


@pytest.mark.parametrize(
    "query",
    [
        "tail=",
        "tail=-1",
        "tail=x",
        "tail=1e3",
        "tail=9&offset=5",
        "tail=9&hole=5,4,limit",
        "tail=1" + "0" * 20,
    ],
)
def test_what_is_no_place_is_refused(attempt, query):
    client = Client(headers={"authorization": f"Bearer {attempt.token}", "x-content-sha256": sha256(b"data")})
    answer = client.put(f"/intake/output/stdout?{query}", b"data", content_type="application/octet-stream")
    assert answer.status_code == 400
    assert kept(attempt) is None
    assert outputlog.sizes(attempt.pk).stdout == 5


def test_nothing_at_all_and_another_stream_are_refused(attempt, runner):
    assert runner.tail(b"", 1000).status_code == 400
    assert runner.tail(b"x", 1000, stream="stdin").status_code == 400


@pytest.mark.parametrize("hashed", ["", "0" * 64])
def test_a_damaged_one_is_asked_for_again(attempt, runner, hashed):
    assert runner.tail(b"data", 1000, hashed=hashed).status_code == 503
    assert kept(attempt) is None


def test_a_full_disk_takes_none(attempt, runner, settings):
    settings.STORAGE_RESERVE_BYTES = 1 << 60
    assert runner.tail(b"data", 1000).status_code == 507
    assert kept(attempt) is None


def test_it_tells_who_watches_and_costs_one_statement(attempt, runner, monkeypatch):
    told = []
    monkeypatch.setattr(hints, "tell_output", lambda *_, has_grown: told.append(has_grown) or True)
    with CaptureQueriesContext(connection) as asked:
        assert runner.tail(b"data", 1000).json()["watched"] is True
    assert len(asked) == 1, [query["sql"] for query in asked]
    assert told == [True]


# The fence


@pytest.mark.parametrize("status", ["failed", "succeeded", "error", "cancelled"])
def test_when_the_job_is_over_none_is_taken(attempt, runner, status):
    Job.objects.update(status=status, finished_at=timezone.now())
    assert runner.tail(b"late", 1000).status_code == 401
    assert kept(attempt) is None


def test_another_attempts_token_writes_nothing_here(attempt, make_job, make_attempt):
    other = make_attempt(make_job(status="running"))
    Runner(other).claim()
    assert Runner(attempt, token=other.token).tail(b"x", 1000).status_code == 200
    assert (kept(attempt), kept(other)) == (None, Tail(1000, b"x"))
    outputlog.delete(other.pk)
    assert Runner(attempt, token="swa_1_" + "0" * 64).tail(b"x", 1000).status_code == 401


# It goes


def test_it_goes_when_the_last_half_has_come_and_a_late_one_is_dropped(attempt, runner):
    runner.tail(b"third\nlast\n", 1000)
    runner.output(b"third\n", hole="5,995,limit")
    assert kept(attempt) is not None, "a pod may still die before the rest is sent"
    runner.output(b"last\n", hole="5,995,limit")
    assert kept(attempt) is None
    assert runner.tail(b"third\nlast\n", 1000).json()["size"] == 16
    assert runner.tail(b"older\n", 500).status_code == 200
    assert kept(attempt) is None


def test_it_goes_when_the_log_reaches_it_without_a_hole(attempt, runner):
    runner.tail(b"more\n", 5)
    runner.output(b"mo")
    assert kept(attempt) == Tail(5, b"more\n")
    runner.output(b"re\n")
    assert kept(attempt) is None


def test_offsets_hashes_and_the_manifest_do_not_see_it(attempt, runner):
    runner.tail(b"middle\n", 500)
    runner.tail(b"newest\n", 1000)
    runner.output(b"end\n", hole="5,998,limit")
    runner.ended(stdout_size=1007)
    stream = {"size": 9, "sha256": sha256(b"head\nend\n"), "holes": [[5, 998, LIMIT]]}
    assert runner.collected(stdout=stream).status_code == 200
    attempt.refresh_from_db()
    assert (attempt.skipped, attempt.stdout_size) == ([], 9)


def test_what_the_runner_gave_up_goes_with_its_manifest(attempt, runner, django_capture_on_commit_callbacks):
    """The portal refused its stream for some reason: it says so, and nothing more of it will come."""
    runner.tail(b"newest\n", 1000)
    runner.ended(stdout_size=1007)
    with django_capture_on_commit_callbacks(execute=True):
        assert runner.collected().status_code == 200
    assert kept(attempt) is None


def test_the_real_shipper_and_the_intake_understand_each_other(attempt, tmp_path):
    """Beyond its head, told twice, to its end: stored as without tails."""
    log, data = tmp_path / "stdout.log", b"".join(b"line %d\n" % number for number in range(1000))
    outputlog.delete(attempt.pk)
    shipper = StreamShipper("stdout", log, 1000)
    client = IntakeClient(attempt)
    log.write_bytes(data[:5000])
    while shipper.ship(client, False, 0.0) is not None:
        pass
    shipper.tell(client, 10.0)
    assert kept(attempt).end == 5000
    log.write_bytes(data)
    shipper.tell(client, 20.0)
    assert data[kept(attempt).at :] == kept(attempt).data
    shipper.settle(Lost())
    while shipper.pending():
        shipper.ship(client, True, 30.0)
    assert kept(attempt) is None
    stored = (outputlog.folder_of(attempt.pk) / "stdout.log").read_bytes()
    (hole,) = shipper.holes()
    assert stored == data[: hole.at] + data[hole.at + hole.size :]
    assert sha256(stored) == shipper.facts()["sha256"]
    assert ["tail=" in path for path in client.asked].count(True) == 2


class IntakeClient:
    """The runner's client, on the views themselves."""

    def __init__(self, attempt: Attempt) -> None:
        self._client = Client(headers={"authorization": f"Bearer {attempt.token}"})
        self.asked: list[str] = []

    def send(self, request: Request):
        self.asked.append(request.path)
        headers = {name: value for name, value in request.headers.items() if name != "Content-Type"}
        answer = self._client.put(
            request.path,
            request.body,
            content_type="application/octet-stream",
            headers=headers,
            CONTENT_LENGTH=str(len(request.body)),
        )
        if answer.status_code != 200:
            raise PortalRefused(answer.status_code, answer.json())
        return answer.json()
