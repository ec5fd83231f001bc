"""A signed-in person over plain HTTP: what a browser without JavaScript would send."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import requests

PASSWORD = "a password for tests 42"  # noqa: S105 (of portals that live for minutes)
FINISHED = {"succeeded", "failed", "cancelled", "error"}


class Visitor:
    """One session. Answers are `requests.Response`; redirects are not followed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False

    def sign_in(self, username: str, password: str) -> "Visitor":
        """Sign in; a one-time password is changed to PASSWORD."""
        self.get("/accounts/login/")
        answer = self.post("/accounts/login/", {"login": username, "password": password})
        assert answer.status_code == 302, f"{username} cannot sign in: {answer.status_code}"
        if self.get("/").headers.get("Location", "").startswith("/accounts/password"):
            self.get("/accounts/password/change/")
            fields = {"oldpassword": password, "password1": PASSWORD, "password2": PASSWORD}
            answer = self.post("/accounts/password/change/", fields)
            assert answer.status_code == 302, "the one-time password could not be changed"
        return self

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, allow_redirects=False, timeout=300, **more)

    def post(self, path: str, fields: dict[str, str], **more: Any) -> requests.Response:
        token = {"csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        return self.http.post(
            self.url + path, data=token | fields, allow_redirects=False, timeout=300, **more
        )

    def new_form(self) -> str:
        """The address of an empty new-job form, loaded as a browser would load it."""
        path = self.get("/new/").headers["Location"]
        assert self.get(path).status_code == 200
        return path

    def send_form(self, path: str, code: str, language: str = ".py", **fields: str) -> int:
        """Press “Run on cluster” with pasted code; the new job's id."""
        sent = (
            {"begin": "1", "action": "run", "code": code, "code_language": language} | fields | {"end": "1"}
        )
        return _job_of(self.post(path, sent, files={"none": ("", b"")}))

    def run_example(self, slug: str) -> int:
        """Press “Run this example”; the new job's id."""
        return _job_of(self.post(f"/examples/{slug}/run/", {}))

    def status(self, job_id: int) -> str:
        """The status as the job's row shows it."""
        answer = self.get(f"/jobs/{job_id}/row/")
        found = re.search(r'class="status-badge status-\w+ is-(\w+)"', answer.text)
        assert found, f"the row of job {job_id} answers {answer.status_code} without a status"
        return found[1]

    def wait_until_finished(self, job_id: int, seconds: float = 120, every: float = 0.05) -> str:
        """The status in which the job ended; the page is asked for it again after `every` seconds."""
        deadline = time.monotonic() + seconds
        while (status := self.status(job_id)) not in FINISHED:
            assert time.monotonic() < deadline, f"job {job_id} is {status} after {seconds} s"
            time.sleep(every)
        return status

    def output(self, job_id: int) -> Iterator[tuple[str, str]]:
        """The live output as it arrives, as (stream, text), until the job is over."""
        answer = self.get(f"/live/jobs/{job_id}/output", stream=True)
        with answer:
            assert answer.status_code == 200, f"the output of job {job_id} answers {answer.status_code}"
            name = ""
            for line in answer.iter_lines(chunk_size=None, decode_unicode=True):
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                if field == "data" and not name:
                    yield from (tuple(chunk) for chunk in json.loads(value)["chunks"])
                if field == "data" and name in ("end", "closed"):
                    return
                if not line:
                    name = ""

    def lines(self, job_id: int) -> Iterator[str]:
        """The whole lines of the standard output as they arrive."""
        rest = ""
        for stream, text in self.output(job_id):
            if stream == "out":
                *whole, rest = (rest + text).split("\n")
                yield from whole


def _job_of(answer: requests.Response) -> int:
    found = re.fullmatch(r"/jobs/(\d+)/", answer.headers.get("Location", ""))
    errors = re.findall(r'<li><a href="#id_\w+">(.*?)</a>', answer.text)
    assert found, f"no job was made: {answer.status_code} {answer.headers.get('Location')} {errors}"
    return int(found[1])
