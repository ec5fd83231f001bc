"""Kubernetes events of one Job and its pods, as values. Asked for on demand, never followed.

https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from collections.abc import Iterable, Mapping
from typing import Any

from clusters.driver import Told
from clusters.kubernetes.api import Api, ApiRefused

MOST = 50
LONGEST_MESSAGE = 1000
# Where a namespace has more warnings than on so many pages, a look at all of them is no cheap one.
PAGE, MOST_PAGES = 500, 2
# What a start that goes well says as well; of no help to anybody.
_BORING = frozenset({"Scheduled", "Created", "Started", "Pulled", "SuccessfulCreate", "Completed"})


def events_of(api: Api, namespace: str, kind: str, name: str) -> list[Told]:
    """The last MOST events about one object. Empty where the portal may not read events."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    return told(_list(api, namespace, selector))


def events_of_lost_pods(api: Api, namespace: str, job_name: str) -> list[Told]:
    """Events about pods of a Job that are gone; found by the beginning of their names."""
    items = _list(api, namespace, "involvedObject.kind=Pod")
    return told(item for item in items if _about(item)["name"].startswith(f"{job_name}-"))


def jobs_with_warnings(api: Api, namespace: str) -> set[str] | None:
    """The Jobs in the namespace of which, or of whose pods, there are warnings; None where there are too many to read.

    Raises ApiRefused, ClusterUnreachable.
    """
    found: set[str] = set()
    query: dict[str, str | int] = {"fieldSelector": "type=Warning", "limit": PAGE}
    for _ in range(MOST_PAGES):
        answer = api.get(f"/api/v1/namespaces/{namespace}/events", query)
        for about in map(_about, answer.get("items") or []):
            # A pod is called as its Job, with a dash and five characters more.
            found.add(about["name"] if about["kind"] == "Job" else about["name"].rpartition("-")[0])
        token = (answer.get("metadata") or {}).get("continue")
        if not token:
            return found
        query["continue"] = str(token)
    return None


def told(items: Iterable[Mapping[str, Any]]) -> list[Told]:
    """Events in the order of their last time, the last MOST of them."""
    return sorted(map(_told, items), key=lambda each: (each.last_at, each.uid))[-MOST:]


def worth_telling(each: Told) -> bool:
    """Whether it says more than that a start goes its usual way."""
    return each.kind != "Normal" or each.reason not in _BORING


def _list(api: Api, namespace: str, selector: str) -> list[dict[str, Any]]:
    query: dict[str, str | int] = {"fieldSelector": selector, "limit": 500}
    try:
        return api.get(f"/api/v1/namespaces/{namespace}/events", query).get("items") or []
    except ApiRefused as refused:
        if refused.status in (403, 404):
            return []
        raise


def _told(item: Mapping[str, Any]) -> Told:
    about = _about(item)
    series = item.get("series") or {}
    first = item.get("firstTimestamp") or item.get("eventTime") or item["metadata"].get("creationTimestamp")
    last = item.get("lastTimestamp") or series.get("lastObservedTime") or first
    return Told(
        uid=str(item["metadata"]["uid"]),
        at=str(first or ""),
        last_at=str(last or ""),
        kind=str(item.get("type") or "Normal"),
        reason=str(item.get("reason") or ""),
        message=str(item.get("message") or "")[:LONGEST_MESSAGE],
        about=f"{about['kind'].lower()} {about['name']}".strip(),
        count=int(item.get("count") or series.get("count") or 1),
    )


def _about(item: Mapping[str, Any]) -> dict[str, str]:
    found = item.get("involvedObject") or {}
    return {name: str(found.get(name) or "") for name in ("kind", "name")}
