"""Jobs, pods and events as the API server tells them, as short as a test can say it."""

from clusters.driver import Told

LABELS = {"stellwerk/installation": "i", "stellwerk/job": "7"}


def job(conditions=(), suspend=False, **status):
    listed = [{"type": each, "status": "True", "message": f"{each}, says the Job."} for each in conditions]
    return {
        "metadata": {"name": "sw-i-7-1", "uid": "job-uid", "labels": LABELS},
        "spec": {"suspend": suspend},
        "status": {"conditions": listed, **status},
    }


def pod(
    phase="Running", fetch=None, main=None, collect=None, uid="pod-uid", created="1", deleted=None, **status
):
    states = {"fetch": fetch, "collect": collect}
    return {
        "metadata": {"name": uid, "uid": uid, "creationTimestamp": created, "deletionTimestamp": deleted},
        "status": {
            "phase": phase,
            "initContainerStatuses": [
                {"name": name, "state": state} for name, state in states.items() if state
            ],
            "containerStatuses": [{"name": "main", "state": main}] if main else [],
            **status,
        },
    }


def ended(code, reason="Completed", started="2026-01-01T00:00:00Z"):
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": started}}


def waits(reason, message="Words."):
    return {"waiting": {"reason": reason, "message": message}}


RUNS, OK = {"running": {}}, ended(0)


def condition(kind, status="False", reason="", message="", since="2026-01-01T10:00:00Z"):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


SCHEDULED = condition("PodScheduled", "True")


def told(reason, message="Words.", count=1, kind="Warning", second=0):
    at = f"2026-01-01T10:00:{second:02}Z"
    return Told(f"uid-{reason}", at, at, kind, reason, message, "pod x", count)
