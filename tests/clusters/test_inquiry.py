"""An inquiry before an API server of which the test says what it holds."""

import pytest

from clusters.driver import ClusterRefused, ClusterUnreachable, WorkInvalid
from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.events import MOST
from clusters.kubernetes.inquiry import inquire
from clusters.kubernetes.refusals import in_our_words
from tests.clusters.pod_dicts import OK, SCHEDULED, ended, job, pod

JOB = "/apis/batch/v1/namespaces/blue/jobs/sw-i-7-1"
PODS, EVENTS = "/api/v1/namespaces/blue/pods", "/api/v1/namespaces/blue/events"
OWN_DISK = 'Usage of EmptyDir volume "work" exceeds the limit "64Mi". '


def event(reason, message="Words.", kind="Job", name="sw-i-7-1", at="2026-01-01T10:00:00Z", **more):
    return {
        "metadata": {"uid": f"{reason}-{at}", "creationTimestamp": at},
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "firstTimestamp": at,
        "lastTimestamp": at,
        **more,
    }


class Server:
    """Answers `get` from its lists; what is in `refusals` is refused."""

    def __init__(self, found=None, pods=(), events=()):
        self.found, self.pods, self.events = found, list(pods), list(events)
        self.refusals: dict[str, ApiRefused] = {}
        self.asked: list[str] = []

    def get(self, path, query=None):
        self.asked.append(path)
        if path in self.refusals:
            raise self.refusals[path]
        if path == JOB:
            if self.found is None:
                raise ApiRefused(404, "NotFound", "jobs.batch not found")
            return self.found
        if path == PODS:
            return {"items": self.pods}
        assert path == EVENTS
        fields = dict(pair.split("=") for pair in query["fieldSelector"].split(","))
        return {"items": [item for item in self.events if self._fits(item["involvedObject"], fields)]}

    def _fits(self, about, fields):
        return all(about[name.removeprefix("involvedObject.")] == value for name, value in fields.items())


def test_a_refused_pod_is_told_with_its_event_and_few_requests():
    words = 'Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    server = Server(
        job(), events=[event("FailedCreate", words, count=3), event("FailedCreate", name="another")]
    )
    found = inquire(server, "blue", "sw-i-7-1", age=2)
    assert found.reason == "quota"
    assert found.message.startswith("exceeded quota: q")
    (told,) = found.told
    assert (told.reason, told.count, told.about) == ("FailedCreate", 3, "job sw-i-7-1")
    assert len(server.asked) == 3


def test_events_of_job_and_pod_come_in_order_without_what_every_start_says():
    server = Server(
        job(),
        [pod("Failed", fetch=OK, main=ended(0), uid="sw-i-7-1-abc")],
        [
            event("Killing", kind="Pod", name="sw-i-7-1-abc", at="2026-01-01T10:00:03Z"),
            event("SuccessfulCreate", type="Normal"),
            event("BackOff", kind="Pod", name="sw-i-7-1-abc", at="2026-01-01T10:00:01Z"),
            event("BackoffLimitExceeded", at="2026-01-01T10:00:02Z"),
            event("Pulled", kind="Pod", name="sw-i-7-1-abc", type="Normal"),
        ],
    )
    found = inquire(server, "blue", "sw-i-7-1", age=2)
    assert [told.reason for told in found.told] == ["BackOff", "BackoffLimitExceeded", "Killing"]
    assert len(server.asked) == 4


def test_of_a_pod_that_is_to_run_only_its_own_events_are_asked_for():
    about = [event("FailedMount", "MountVolume.SetUp failed", kind="Pod", name="sw-i-7-1-abc", count=3)]
    server = Server(None, [pod("Pending", uid="sw-i-7-1-abc", conditions=[SCHEDULED])], about)
    found = inquire(server, "blue", "sw-i-7-1", age=7)
    assert found.reason == "volume"
    assert [told.reason for told in found.told] == ["FailedMount"]
    assert server.asked == [PODS, EVENTS]


def test_a_flood_of_events_is_cut_to_the_last():
    events = [
        event("BackOff", at=f"2026-01-01T10:{minute // 60:02}:{minute % 60:02}Z") for minute in range(200)
    ]
    found = inquire(Server(job(), events=events), "blue", "sw-i-7-1")
    assert len(found.told) == MOST
    assert found.told[-1].at == "2026-01-01T10:03:19Z"


@pytest.mark.parametrize(
    ("found", "events", "reason"),
    [
        (None, [], "deleted"),
        (None, [event("TaintManagerEviction", kind="Pod", name="sw-i-7-1-abc")], "node_lost"),
        (job(["Failed"]), [event("BackoffLimitExceeded")], "deleted"),
        (
            job(["Failed"]),
            [event("SuccessfulCreate"), event("Evicted", kind="Pod", name="sw-i-7-1-abc")],
            "evicted",
        ),
        (
            job(["Failed"]),
            [event("SuccessfulCreate"), event("Evicted", OWN_DISK, kind="Pod", name="sw-i-7-1-abc")],
            "disk_limit",
        ),
    ],
)
def test_of_what_is_gone_the_events_tell(found, events, reason):
    assert inquire(Server(found, events=events), "blue", "sw-i-7-1").reason == reason


@pytest.mark.parametrize(
    ("words", "reason"), [(OWN_DISK, "disk_limit"), ("The node was low on memory.", "evicted")]
)
def test_an_eviction_that_the_pod_itself_does_not_tell_is_found_in_its_events(words, reason):
    left = pod("Failed", main=ended(143))
    name = left["metadata"]["name"]
    evicted = event("Evicted", words, kind="Pod", name=name)
    found = inquire(Server(job(["Failed"]), [left], [evicted]), "blue", "sw-i-7-1")
    assert (found.reason, found.message) == (reason, words)
    assert inquire(Server(job(["Failed"]), [left]), "blue", "sw-i-7-1").reason == ""


def test_without_the_right_to_read_events_the_rest_is_told():
    server = Server(job(), [pod("Pending", fetch={"waiting": {"reason": "InvalidImageName"}})])
    server.refusals[EVENTS] = ApiRefused(403, "Forbidden", "cannot list events")
    found = inquire(server, "blue", "sw-i-7-1")
    assert (found.reason, found.told) == ("image_name", ())


def test_a_cluster_that_cannot_be_asked_is_told_in_the_protocols_words():
    server = Server(job())
    server.refusals[PODS] = ApiRefused(500, "", "no leader")
    with pytest.raises(ClusterUnreachable):
        inquire(server, "blue", "sw-i-7-1")


@pytest.mark.parametrize(
    ("status", "message", "error", "cause"),
    [
        (403, 'jobs.batch "x" is forbidden: exceeded quota: q, requested: …', ClusterRefused, "quota"),
        (403, 'admission webhook "w" denied the request: no', ClusterRefused, "admission"),
        (
            422,
            "jobs.batch \"x\" is invalid: : ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
            WorkInvalid,
            "admission",
        ),
        (
            422,
            'Job.batch "x" is invalid: spec.template.spec.containers[0].image: Required value',
            WorkInvalid,
            "",
        ),
        (404, 'namespaces "blue" not found', ClusterRefused, "space_missing"),
        (500, 'failed calling webhook "w": timeout; exceeded quota: q', ClusterUnreachable, ""),
    ],
)
def test_a_refused_create_says_who_can_act_and_why(status, message, error, cause):
    told = in_our_words(ApiRefused(status, "", message), "sw-i-7-1")
    assert type(told) is error
    assert told.cause == cause
    assert message in str(told)
