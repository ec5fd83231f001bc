"""An inquiry into one work: its pods, its Job and what Kubernetes noted about them. Two to four requests."""

from typing import Any

from clusters.causes import End
from clusters.driver import Explained, Told
from clusters.kubernetes import pods as reading
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.ends import end_of, evicted, interruption
from clusters.kubernetes.events import events_of, events_of_lost_pods, worth_telling
from clusters.kubernetes.waits import CONTROLLERS_PATIENCE, judge

JOB_NAME = "batch.kubernetes.io/job-name"
Object = dict[str, Any]


def inquire(api: Api, namespace: str, name: str, age: float = 0.0) -> Explained:
    """Why the work `name` waits, what interrupts it or how it ended, with its events in order.

    `age`: seconds since it was made, by the caller's clock. Raises DriverError.
    """
    try:
        return _inquire(api, namespace, name, age)
    except ApiRefused as refused:
        raise refused.in_our_words(name) from refused


def _inquire(api: Api, namespace: str, name: str, age: float) -> Explained:
    query: dict[str, str | int] = {"labelSelector": f"{JOB_NAME}={name}", "limit": 10}
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods", query).get("items") or []
    pods.sort(key=reading.rank)
    if pods and not reading.is_over(pods[0]) and not pods[0]["metadata"].get("deletionTimestamp"):
        # All that can hold it up is the pod's own.
        events = events_of(api, namespace, "Pod", pods[0]["metadata"]["name"])
        return _explained({}, pods, events, age)
    about_job = events_of(api, namespace, "Job", name)
    if not pods and not about_job and 0 < age < CONTROLLERS_PATIENCE:
        # Its controller has not come to it. Where many jobs begin at once that is usual.
        return Explained()
    job = _job(api, namespace, name)
    events = sorted([*about_job, *_about_pods(api, namespace, name, pods, about_job)], key=_when)
    return _explained(job, pods, events, age)


def _explained(job: Object | None, pods: list[Object], events: list[Told], age: float) -> Explained:
    reason, message = _why(job, pods, events, age)
    return Explained(reason, message, tuple(each for each in events if worth_telling(each)))


def _job(api: Api, namespace: str, name: str) -> Object | None:
    try:
        return api.get(f"/apis/batch/v1/namespaces/{namespace}/jobs/{name}")
    except ApiRefused as refused:
        if refused.status == 404:
            return None
        raise


def _about_pods(api: Api, namespace: str, name: str, pods: list[Object], about_job: list[Told]) -> list[Told]:
    if pods:
        return events_of(api, namespace, "Pod", pods[0]["metadata"]["name"])
    # One of them may be gone. A Job that never had one has no event of its making.
    had_pods = not about_job or any(each.reason == "SuccessfulCreate" for each in about_job)
    return events_of_lost_pods(api, namespace, name) if had_pods else []


def _when(each: Told) -> tuple[str, str]:
    return each.last_at, each.uid


def _why(job: Object | None, pods: list[Object], events: list[Told], age: float) -> tuple[str, str]:
    if job is None:
        return _without_job(events)
    pod = pods[0] if pods else None
    if pod is not None:
        if reading.is_over(pod):
            # Containers that end while the kubelet evicts them can leave a status that does not say so; its event does.
            reason, message = end_of(job, pod)[1:]
            return (reason, message) if reason else _ended_by(events) or ("", "")
        return interruption(job, pod) or judge(job, pod, events, age)
    if reading.is_finished(job):
        return _without_pods(events)
    return judge(job, None, events, age)


def _without_job(events: list[Told]) -> tuple[str, str]:
    if any(each.reason in ("TaintManagerEviction", "DeletingNode") for each in events):
        return End.NODE_LOST, "Its node was given up, and its pod with it."
    return End.DELETED, "Its Job is not there any more."


def _without_pods(events: list[Told]) -> tuple[str, str]:
    return _ended_by(events) or (End.DELETED, "Its pod is not there any more.")


def _ended_by(events: list[Told]) -> tuple[str, str] | None:
    known = {
        "Preempted": End.PREEMPTED,
        "TaintManagerEviction": End.NODE_LOST,
        "NodeNotReady": End.NODE_LOST,
    }
    for each in reversed(events):
        if each.reason == "Evicted":
            return evicted(each.message), each.message
        if each.reason in known:
            return known[each.reason], each.message
    return None
