"""The API server as the doctor sees it, in memory: a test says what is missing, or in the way."""

from collections.abc import Callable
from typing import Any

from clusters.driver import ClusterUnreachable
from clusters.kubernetes.api import ApiRefused

NODE = {
    "metadata": {"name": "one", "labels": {"gpu": "a100"}},
    "spec": {},
    "status": {
        "allocatable": {
            "cpu": "2",
            "memory": "4Gi",
            "ephemeral-storage": "10Gi",
            "nvidia.com/gpu": "2",
            "pods": "110",
        },
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def refused(status: int, reason: str = "", message: str = "") -> ApiRefused:
    return ApiRefused(status, reason, message or f"HTTP {status}")


class StubApi:
    """Everything is well until `answers` says otherwise: by path, a dict, an exception, or a function of the query."""

    def __init__(self, namespace: str = "jobs") -> None:
        self.namespace = namespace
        self.denied: set[tuple[str, str]] = set()
        self.asked: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.pods: Callable[[], list[dict[str, Any]]] = list
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        core = f"/api/v1/namespaces/{namespace}"
        self.core = core
        self.answers: dict[str, Any] = {
            "/version": {"gitVersion": "v1.36.0"},
            "/api/v1/namespaces/kube-system": {"metadata": {"uid": "uid-of-the-cluster"}},
            "/api/v1/nodes": {"items": [NODE]},
            "/api/v1/pods": {"items": []},
            core: {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
            f"{core}/resourcequotas": {"items": []},
            f"{core}/events": {"items": []},
            self.jobs: {"items": []},
        }

    def get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        self.calls.append(("GET", path))
        if path == f"{self.core}/pods":
            return {"items": self.pods()}
        if path in self.made:
            return self.made[path]
        answer = self.answers.get(path, refused(404))
        if isinstance(answer, Exception):
            raise answer
        return answer(query) if callable(answer) else answer

    def text(self, path: str, query: dict[str, Any] | None = None) -> str:
        self.calls.append(("GET", path))
        answer = self.answers.get(path, "")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(("POST", path))
        if path.endswith("selfsubjectaccessreviews"):
            return {"status": {"allowed": self._may(body["spec"]["resourceAttributes"])}}
        if path.endswith("selfsubjectreviews"):
            return self._answer(path, {"status": {"userInfo": {"username": "system:serviceaccount:jobs:it"}}})
        answer = self._answer(f"POST {path}", body)
        made = {**answer, "metadata": {**body["metadata"], "uid": f"uid-{len(self.made)}"}}
        self.made[f"{path}/{body['metadata']['name']}"] = made
        return made

    def delete(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(("DELETE", path))
        self.deleted.append(path)
        if self.made.pop(path, None) is None and "items" not in self.answers[self.jobs]:
            raise refused(404)
        return {}

    def close(self) -> None:
        self.calls.append(("CLOSE", ""))

    def vanish(self, *paths: str) -> None:
        """It answers no more, at these paths or at all."""
        for path in paths or self.answers:
            self.answers[path] = ClusterUnreachable("Nobody answers.")

    def _answer(self, key: str, usual: dict[str, Any]) -> dict[str, Any]:
        answer = self.answers.get(key, usual)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _may(self, attributes: dict[str, Any]) -> bool:
        self.asked.append(attributes)
        part = attributes.get("subresource", "")
        resource = attributes["resource"] + (f"/{part}" if part else "")
        return (resource, attributes["verb"]) not in self.denied
