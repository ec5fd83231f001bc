"""The runner's side of the intake in tests: calls with an attempt's token, answers as Python values."""

import hashlib
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.test import Client

from jobs.models import Attempt

POD = "pod-1"
END = {
    "exit_code": 0,
    "signal": None,
    "reason": "",
    "started_at": 0,
    "ended_at": 0,
    "stdout_size": 0,
    "stderr_size": 0,
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Runner:
    """Speaks for one attempt; `token` and `uid` may be wrong on purpose."""

    def __init__(self, attempt: Attempt, uid: str = POD, token: str | None = None) -> None:
        self.uid = uid
        self._client = Client(headers={"authorization": f"Bearer {token or attempt.token}"})
        self._sent: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        self._results: dict[str, bytes] = {}

    def claim(self) -> HttpResponse:
        return self._post("claim", {"uid": self.uid})

    def inputs(self):
        return self._client.get("/intake/inputs")

    def started(self) -> HttpResponse:
        return self._post("started", {"uid": self.uid})

    def output(
        self,
        data: bytes,
        offset: int | None = None,
        stream: str = "stdout",
        hashed: str | None = None,
        **told: object,
    ):
        """The next bytes of the stream, or those at `offset`; `told`: written, hole."""
        at = len(self._sent[stream]) if offset is None else offset
        if offset is None:
            self._sent[stream] += data
        return self._client.put(
            f"/intake/output/{stream}?" + urlencode({"offset": at, **told}),
            data,
            content_type="application/octet-stream",
            headers={"x-content-sha256": sha256(data) if hashed is None else hashed},
            CONTENT_LENGTH=str(len(data)),
        )

    def tail(self, data: bytes, at: int, stream: str = "stdout", hashed: str | None = None) -> HttpResponse:
        """What the script wrote last, from its byte `at` on."""
        return self._client.put(
            f"/intake/output/{stream}?tail={at}",
            data,
            content_type="application/octet-stream",
            headers={"x-content-sha256": sha256(data) if hashed is None else hashed},
            CONTENT_LENGTH=str(len(data)),
        )

    def ended(self, **facts) -> HttpResponse:
        return self._post("ended", {"uid": self.uid, **END, **facts})

    def result(self, path: str, data: bytes, **headers: str) -> HttpResponse:
        self._results[path] = data
        return self._client.put(
            "/intake/results?path=" + quote(path, safe=""),
            data,
            content_type="application/octet-stream",
            headers=headers,
        )

    def collected(self, **changes) -> HttpResponse:
        """The manifest of all that was sent."""
        streams = {name: {"size": len(data), "sha256": sha256(data)} for name, data in self._sent.items()}
        results = [
            {"path": path, "size": len(data), "sha256": sha256(data)} for path, data in self._results.items()
        ]
        manifest = {"uid": self.uid, **streams, "results": results, "skipped": []}
        return self._post("collected", manifest | changes)

    def run(self, exit_code: int = 0) -> None:
        """Everything up to the script's end."""
        for answer in (self.claim(), self.started(), self.ended(exit_code=exit_code)):
            assert answer.status_code == 200, answer.content

    def _post(self, call: str, facts: dict) -> HttpResponse:
        return self._client.post(f"/intake/{call}", facts, content_type="application/json")
