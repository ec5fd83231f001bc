"""Fifty jobs on a real portal, and a witness that their scripts write to, outside of the portal."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

from tests.up.portal_process import BASE, PortalProcess

TERMINAL = {"succeeded", "failed", "cancelled", "error"}
OK, BAD, ENDLESS = "ok", "bad", "endless"
SCRIPT = """
say() {{ echo "$1 $STELLWERK_JOB_ID" >> {witness}; }}
say start
echo "hello from $STELLWERK_JOB_ID"
sleep "$2"
echo "result of $STELLWERK_JOB_ID" > results/result.txt
echo "bye from $STELLWERK_JOB_ID"
say end
case "$1" in ok) exit 0 ;; bad) exit 3 ;; esac
"""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


class Crowd:
    """Jobs that end well, jobs that fail and jobs that only a cancel ends."""

    def __init__(self, portal: PortalProcess) -> None:
        self.portal = portal
        self.folder = Path(tempfile.mkdtemp(prefix="sw-witness-", dir="/tmp"))
        self.folder.chmod(0o711)  # scripts run as users of their own
        self.ids: list[int] = []
        self.fates: dict[int, str] = {}
        self.witness = self._new_witness()
        self._helper = self._start_helper()

    def submit(self, count: int = 50, longest: float = 3.0) -> None:
        """A new crowd with a new witness: two fifths end well, two fifths fail, one fifth would never end."""
        self.witness = self._new_witness()
        fates = [(OK, OK, BAD, BAD, ENDLESS)[number % 5] for number in range(count)]
        runs = [
            [fate, "600" if fate == ENDLESS else f"{longest * number / count:.1f}"]
            for number, fate in enumerate(fates)
        ]
        self.ids = self._call("submit", script=SCRIPT.format(witness=self.witness), runs=runs)
        self.fates = dict(zip(self.ids, fates, strict=True))

    def run_again(self, source: int, key: str) -> int | None:
        """Click "Run again" on a job's page; the new job's id, None where the portal did not answer with one."""
        token = "c" * 32
        form = urllib.parse.urlencode({"key": key, "csrfmiddlewaretoken": token}).encode()
        cookies = f"sessionid={self._call('sign_in')}; csrftoken={token}"
        request = urllib.request.Request(
            f"{self.portal.url}/jobs/{source}/again/", form, {"Cookie": cookies, "Connection": "close"}
        )
        try:
            with _OPENER.open(request, timeout=30) as answer:
                raise AssertionError(f"an answer {answer.status} without a job: {answer.read(500)!r}")
        except urllib.error.HTTPError as error:
            if error.code == 302:
                return int(error.headers["Location"].strip("/").rpartition("/")[2])
            assert error.code in {502, 503, 504}, error.read(500)
        except OSError:
            pass
        return None

    def adopt(self, source: int, key: str) -> None:
        """Count the one job that was made with `key` as one of the crowd, with the fate of its source."""
        (made,) = self._call("with_key", key=key)
        self.ids.append(made)
        self.fates[made] = self.fates[source]

    def cancel_the_endless(self) -> None:
        self._call("cancel", ids=[pk for pk, fate in self.fates.items() if fate == ENDLESS])

    def wait_until(self, condition, seconds: float) -> None:
        """Until `condition(statuses)` is true."""
        deadline = time.monotonic() + seconds
        while not condition(counts := self._call("statuses", ids=self.ids)):
            assert time.monotonic() < deadline, f"waited in vain: {counts}\n{self.portal.output[-2000:]}"
            time.sleep(0.1)

    def wait_until_over(self, seconds: float = 300) -> None:
        """Until every job has ended and nothing of any is left at the cluster."""
        total = len(self.ids)
        self.wait_until(
            lambda counts: sum(counts.get(s, 0) for s in TERMINAL) == counts["removed"] == total, seconds
        )

    def wait_until_some_run(self, count: int = 5) -> None:
        """Until so many scripts have started, by the witness."""
        deadline = time.monotonic() + 240
        while self.witnessed("start").total() < count:
            assert time.monotonic() < deadline, f"few jobs start: {self._call('statuses', ids=self.ids)}"
            time.sleep(0.05)

    def witnessed(self, what: str) -> Counter[int]:
        """How often each job's script said so."""
        lines = [line.split() for line in self.witness.read_text().splitlines()]
        return Counter(int(job) for word, job in lines if word == what)

    def check(self) -> None:
        """Every job ended exactly once with its right outcome: the witness and the tables agree."""
        starts, ends = self.witnessed("start"), self.witnessed("end")
        assert set(starts) | set(ends) <= set(self.ids)
        assert max(starts.values(), default=0) == 1, [pk for pk, times in starts.items() if times > 1]
        facts = {job["id"]: job for job in self._call("facts", ids=self.ids)}
        assert set(facts) == set(self.ids)
        problems = [text for job in facts.values() for text in self._problems(job, starts, ends)]
        assert problems == [], "\n".join(problems)

    def reconnect(self) -> None:
        """Speak to the portal that runs now, after it was started again."""
        if self._url != self.portal.database_url:
            self.close()
            self._helper = self._start_helper()

    def close(self) -> None:
        assert self._helper.stdin is not None
        self._helper.stdin.close()
        self._helper.wait(20)

    def _problems(self, job, starts, ends):
        pk, fate = job["id"], self.fates[job["id"]]
        expected = {OK: ("succeeded", 0, 1), BAD: ("failed", 3, 1), ENDLESS: ("cancelled", None, 0)}[fate]
        status, exit_code, end = expected
        if job["status"] != status or (exit_code is not None and job["exit_code"] != exit_code):
            yield f"{pk} ({fate}) is {job['status']} {job['reason']} {job['exit_code']}"
        if ends[pk] != end or (end and starts[pk] != 1):
            yield f"{pk} ({fate}) started {starts[pk]} and ended {ends[pk]} times"
        if len(TERMINAL.intersection(job["events"])) != 1 or len(set(job["events"])) != len(job["events"]):
            yield f"{pk} went {job['events']}"
        if job["attempts"] > 1:
            yield f"{pk} has {job['attempts']} attempts"
        if end and job["output"] != f"hello from {pk}\nbye from {pk}\n":
            yield f"{pk} has the output {job['output']!r}"
        if end and (job["results"] != ["results/result.txt"] or job["unlisted"]):
            yield f"{pk} has the results {job['results']}, {job['unlisted']}"

    def _new_witness(self) -> Path:
        witness = self.folder / f"witness-{time.monotonic_ns()}"
        witness.touch()
        witness.chmod(0o666)
        return witness

    def _start_helper(self) -> subprocess.Popen:
        self._url = self.portal.database_url
        values = {
            "STELLWERK_HOME": str(self.portal.home),
            "DATABASE_URL": self.portal.database_url,
            "REDIS_URL": self.portal.redis_url,
            "STELLWERK_DB_POOL": "2",
            "STELLWERK_LOG_LEVEL": "CRITICAL",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crash.crowd_process"],
            cwd=BASE,
            env={**os.environ, **values, "SECRET_KEY": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _call(self, command: str, **values):
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(json.dumps({"do": command, **values}) + "\n")
        self._helper.stdin.flush()
        answer = self._helper.stdout.readline()
        assert answer, f"the crowd's process ended with {self._helper.wait(10)}"
        return json.loads(answer)
