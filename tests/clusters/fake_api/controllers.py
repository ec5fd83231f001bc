"""What follows by itself in a cluster: Jobs get pods, pods and their Jobs end, what belongs to nothing goes."""

import base64
import secrets
from typing import Any

from tests.clusters.fake_api.resources import RESOURCES
from tests.clusters.fake_api.store import Key, Object, Store, now

JOB_NAME = "batch.kubernetes.io/job-name"


class Controllers:
    """Acts inside the change that it reacts to. `is_acting` False: the controller manager is stopped.

    `ends_pods`: a pod that is deleted goes at once; otherwise when the test calls `Pod.gone`.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.is_acting = True
        self.ends_pods = True
        store.controllers.append(self.react)

    def react(self, change: str, key: Key, item: Object) -> None:
        if not self.is_acting:
            return
        act = {
            ("jobs", "ADDED"): self._job_changed,
            ("jobs", "MODIFIED"): self._job_changed,
            ("pods", "MODIFIED"): self._pod_changed,
            ("pods", "DELETED"): self._pod_gone,
            ("namespaces", "ADDED"): self._namespace_made,
            ("secrets", "ADDED"): self._secret_made,
        }.get((key[0], change))
        if act is not None:
            act(key, item)

    def catch_up(self) -> None:
        """The controller manager is back: every Job is looked at again."""
        self.is_acting = True
        for job in self.store.all("jobs"):
            self._job_changed(key_of("jobs", job), job)

    def delete(self, key: Key, options: Object) -> Object | None:
        """As DELETE does it. The object if it is still there, on its way out."""
        item = self.store.objects.get(key)
        if key[0] == "pods" and not self._goes_at_once(item or {}, options):
            return self.store.change(key, _told_to_end)
        policy = options.get("propagationPolicy") or ("Orphan" if key[0] == "jobs" else "Background")
        if policy == "Orphan" and item is not None:
            self._leave_orphans(item["metadata"]["uid"])
        self.store.remove(key)
        if policy != "Orphan" and item is not None:
            self._collect_garbage(item["metadata"]["uid"], options)
        if key[0] == "namespaces":
            for each in [each for each in self.store.objects if each[1] == key[2]]:
                self.store.remove(each)
        return None

    def _goes_at_once(self, pod: Object, options: Object) -> bool:
        is_running = (pod.get("status") or {}).get("phase") == "Running"
        return options.get("gracePeriodSeconds") == 0 or self.ends_pods or not is_running

    def _leave_orphans(self, uid: str) -> None:
        """What it owned has no owner any more, and stays."""
        for key, item in list(self.store.objects.items()):
            owners = item["metadata"].get("ownerReferences") or []
            if any(owner.get("uid") == uid for owner in owners):
                self.store.change(key, lambda each: each["metadata"].pop("ownerReferences"))

    def _collect_garbage(self, uid: str, options: Object) -> None:
        for key, item in list(self.store.objects.items()):
            owners = item["metadata"].get("ownerReferences") or []
            if any(owner.get("uid") == uid for owner in owners):
                self.delete(key, {**options, "propagationPolicy": "Background"})

    def _job_changed(self, key: Key, job: Object) -> None:
        if finished(job):
            return
        pods = self._pods_of(job)
        if (job.get("spec") or {}).get("suspend"):
            for pod in pods:
                if not pod["metadata"].get("deletionTimestamp"):
                    self.delete(key_of("pods", pod), {})
            self._tell_suspended(key, job)
        elif not pods and not (job.get("status") or {}).get("failed"):
            self._make_pod(key, job)

    def _tell_suspended(self, key: Key, job: Object) -> None:
        left = len(self._pods_of(job))

        def edit(item: Object) -> None:
            condition = {"type": "Suspended", "status": "True", "reason": "JobSuspended"}
            item["status"] = {"conditions": [condition]} | ({"terminating": left} if left else {})

        self.store.change(key, edit)

    def _make_pod(self, key: Key, job: Object) -> None:
        template = job["spec"]["template"]
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        labels = {JOB_NAME: name, "batch.kubernetes.io/controller-uid": uid}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
        pod = {
            "metadata": {
                "name": f"{name}-{secrets.token_hex(3)[:5]}",
                "labels": {**(template.get("metadata", {}).get("labels") or {}), **labels},
                "ownerReferences": [owner],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }

        def edit(item: Object) -> None:
            item["status"] = {"active": 1, "ready": 0, "startTime": now()}

        self.store.create(RESOURCES["pods"], key[1], pod)
        self.store.change(key, edit)

    def _pod_changed(self, key: Key, pod: Object) -> None:
        phase = pod["status"].get("phase")
        if phase in ("Succeeded", "Failed") and (job := self._job_of(pod)) is not None:
            self._finish(job, is_complete=phase == "Succeeded")

    def _pod_gone(self, key: Key, pod: Object) -> None:
        job = self._job_of(pod)
        if job is None or finished(job):
            return
        if (job.get("spec") or {}).get("suspend"):
            self._tell_suspended(key_of("jobs", job), job)
        else:
            # backoffLimit is 0: a pod that was deleted counts as one that failed.
            self._finish(job, is_complete=False)

    def _finish(self, job: Object, *, is_complete: bool) -> None:
        word, count = ("Complete", "succeeded") if is_complete else ("Failed", "failed")
        reason = "CompletionsReached" if is_complete else "BackoffLimitExceeded"
        message = "" if is_complete else "Job has reached the specified backoff limit"

        def edit(item: Object) -> None:
            condition = {"type": word, "status": "True", "reason": reason, "message": message}
            item["status"] = {"conditions": [condition], count: 1, "startTime": now()}

        self.store.change(key_of("jobs", job), edit)

    def _namespace_made(self, key: Key, item: Object) -> None:
        self.store.change(key, lambda each: each.update(status={"phase": "Active"}))
        account = {"metadata": {"name": "default"}}
        self.store.create(RESOURCES["serviceaccounts"], key[2], account)

    def _secret_made(self, key: Key, item: Object) -> None:
        """A token for a service account, filled in as the token controller does it."""
        if item.get("type") == "kubernetes.io/service-account-token":
            account = item["metadata"]["annotations"]["kubernetes.io/service-account.name"]
            token = base64.b64encode(f"token:{key[1]}:{account}".encode()).decode()
            self.store.change(key, lambda each: each.update(data={"token": token}))

    def _pods_of(self, job: Object) -> list[Object]:
        uid = job["metadata"]["uid"]
        return [
            pod
            for pod in self.store.all("pods", job["metadata"]["namespace"])
            if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])
        ]

    def _job_of(self, pod: Object) -> Object | None:
        for owner in pod["metadata"].get("ownerReferences") or []:
            key = ("jobs", pod["metadata"]["namespace"], owner["name"])
            if (job := self.store.objects.get(key)) and job["metadata"]["uid"] == owner["uid"]:
                return job
        return None


class Pod:
    """A pod, moved by a test as a kubelet moves it."""

    def __init__(self, store: Store, namespace: str, name: str) -> None:
        self.store, self.key = store, ("pods", namespace, name)

    @property
    def item(self) -> Object:
        return self.store.get(RESOURCES["pods"], self.key[1], self.key[2])

    def run(self, node: str = "node-1") -> "Pod":
        """Scheduled; fetch is done, collect and main run."""
        fetched = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now()}}
        running = {"running": {"startedAt": now()}}
        return self._show("Running", {"fetch": fetched, "collect": running, "main": running}, node)

    def end(self, exit_code: int, reason: str = "") -> "Pod":
        """main has ended, and collect after it."""
        told = reason or ("Completed" if exit_code == 0 else "Error")
        ended = {"terminated": {"exitCode": exit_code, "reason": told, "startedAt": now()}}
        done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now()}}
        states = {"fetch": done, "collect": done, "main": ended}
        return self._show("Failed" if exit_code else "Succeeded", states)

    def refuse(self) -> "Pod":
        """The portal refused fetch's claim."""
        refused = {"terminated": {"exitCode": 86, "reason": "Error", "startedAt": now()}}
        waiting = {"waiting": {"reason": "PodInitializing"}}
        return self._show("Failed", {"fetch": refused, "collect": waiting, "main": waiting})

    def wait_reason(self, reason: str, message: str = "", container: str = "main") -> "Pod":
        """A container waits: ImagePullBackOff, CreateContainerConfigError and so on."""
        waiting = {"waiting": {"reason": reason, "message": message}}
        return self._show("Pending", {container: waiting})

    def unschedulable(self, message: str) -> "Pod":
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
        }
        self._edit(lambda item: item["status"].update(phase="Pending", conditions=[condition]))
        return self

    def gone(self) -> None:
        """The kubelet has ended what was deleted."""
        self.store.remove(self.key)

    def _show(self, phase: str, states: dict[str, Any], node: str = "") -> "Pod":
        statuses = [{"name": name, "state": state} for name, state in states.items()]

        def edit(item: Object) -> None:
            item["status"] = {
                "phase": phase,
                "initContainerStatuses": [each for each in statuses if each["name"] != "main"],
                "containerStatuses": [each for each in statuses if each["name"] == "main"],
            }
            if node:
                item["spec"]["nodeName"] = node

        self._edit(edit)
        return self

    def _edit(self, edit: Any) -> None:
        self.store.change(self.key, edit)


def key_of(plural: str, item: Object) -> Key:
    return plural, item["metadata"].get("namespace") or "", item["metadata"]["name"]


def finished(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(each["type"] in ("Complete", "Failed") and each["status"] == "True" for each in conditions)


def _told_to_end(pod: Object) -> None:
    pod["metadata"].setdefault("deletionTimestamp", now())
