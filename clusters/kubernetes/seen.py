"""What a Job and its pods amount to. Pure: the API server's dicts in, the driver protocol's words out.

Why it waits is in waits.py, why it ended in ends.py.
"""

from collections.abc import Iterable

from clusters.driver import LABEL_WORK, Seen, State
from clusters.kubernetes import pods as reading
from clusters.kubernetes.ends import end_of
from clusters.kubernetes.pods import Object
from clusters.kubernetes.waits import waiting_for


def seen_of(job: Object, pods: Iterable[Object]) -> Seen:
    """One work. Of several pods (Kubernetes may start two) the one that was not refused counts."""
    pods = sorted(pods, key=reading.rank)
    pod = pods[0] if pods else None
    is_ended = all(map(reading.is_over, pods)) and (
        bool(pods) or reading.is_finished(job) or reading.is_stopped(job)
    )
    exit_code, reason, message = end_of(job, pod) if is_ended else (None, *waiting_for(pod))
    living = State.RUNNING if pod is not None and reading.main_has_begun(pod) else State.PENDING
    metadata = job["metadata"]
    uid = pod["metadata"]["uid"] if pod is not None else metadata["uid"]
    return Seen(
        metadata["name"],
        {name: value for name, value in (metadata.get("labels") or {}).items() if name != LABEL_WORK},
        uid,
        State.ENDED if is_ended else living,
        exit_code,
        reason,
        message,
        image_digest=reading.image_digest(pod) if pod is not None else "",
    )
