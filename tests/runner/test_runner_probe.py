"""The doctor's test pod calls back, or says why it cannot."""

import base64
import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from clusters.kubernetes.bundle import runner_bundle
from runner import probe as module
from runner.probe import NotReached, call_back, probe
from tests.clusters.doctor.tls_server import Authority, serving

OK = (200, {})


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """`environment(url)`: as the pod has it; no pauses."""
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    (tmp_path / "token").write_text("swd_1_abc\n")

    def make(url):
        return {
            "STELLWERK_PORTAL_URL": url,
            "STELLWERK_TOKEN_FILE": str(tmp_path / "token"),
            "STELLWERK_POD_UID": "pod-1",
            "STELLWERK_MESSAGE_FILE": str(tmp_path / "message"),
        }

    return make


@pytest.fixture
def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def why(environment):
    with pytest.raises(NotReached) as caught:
        call_back(environment, patience=0.0)
    return caught.value.reason


def test_a_pod_that_reaches_the_portal_says_so_and_leaves_the_shell_a_script(environment, tmp_path):
    with serving(OK) as port:
        assert probe(tmp_path, environment(f"http://127.0.0.1:{port}/prefix/")) == 0
    told = json.loads((tmp_path / "message").read_text())
    assert told["python"] == list(sys.version_info[:3])
    assert "reason" not in told
    assert "command -v sleep" in (tmp_path / "launch.sh").read_text()
    assert (tmp_path / "work").is_dir()


def test_last_words_say_why_it_did_not(environment, tmp_path, closed_port):
    assert probe(tmp_path, environment(f"http://127.0.0.1:{closed_port}")) == 1
    assert json.loads((tmp_path / "message").read_text())["reason"] == "refused"


def test_a_defect_is_told_as_well(environment, tmp_path):
    given = environment("http://127.0.0.1:1") | {"STELLWERK_TOKEN_FILE": "/no/such/file"}
    assert probe(tmp_path, given) == 1
    assert "FileNotFoundError" in json.loads((tmp_path / "message").read_text())["detail"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (TimeoutError("timed out"), "timeout"),
        (OSError(113, "No route to host"), "unroutable"),
        (ConnectionResetError(104, "reset"), "broken"),
        (ssl.SSLCertVerificationError("self-signed"), "certificate"),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), "tls"),
    ],
)
def test_why_is_told_apart(environment, monkeypatch, error, reason):
    class Connection:
        def __init__(self, *_, **__):
            pass

        def request(self, *_, **__):
            raise error

        def close(self):
            pass

    monkeypatch.setattr("http.client.HTTPConnection", Connection)
    assert why(environment("http://portal.example:8000")) == reason


def test_a_certificate_that_the_pod_does_not_trust_is_told(environment):
    with serving(OK, Authority().issue()) as port:
        assert why(environment(f"https://127.0.0.1:{port}")) == "certificate"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((401, {"error": "no"}), "status"),
        ((302, {}), "status"),
        ((503, {}), "status"),
        ((200, b"<html>"), "answer"),
    ],
)
def test_an_answer_that_is_not_the_portals_is_told(environment, answer, reason):
    with serving(answer) as port:
        assert why(environment(f"http://127.0.0.1:{port}")) == reason


def test_what_was_taken_before_its_answer_was_lost_is_no_failure(environment, monkeypatch):
    answers = [NotReached("timeout", "timed out"), (409, "already")]

    def post(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "_post", post)
    call_back(environment("http://portal.example"), patience=60.0)
    answers += [(409, "already")]
    assert why(environment("http://portal.example")) == "status"


def test_a_python_that_is_too_old_says_so(environment, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "OLDEST", (99, 0))
    assert probe(tmp_path, environment("http://127.0.0.1:1")) == 1
    assert json.loads((tmp_path / "message").read_text())["reason"] == "python"


def test_it_runs_from_the_bundle_as_a_pod_runs_it(environment, tmp_path):
    archive = Path(tmp_path / "runner.pyz")
    archive.write_bytes(base64.b64decode(runner_bundle().files["runner.pyz"]))
    with serving(OK) as port:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(archive), "probe", str(tmp_path)],
            env={**os.environ, **environment(f"http://127.0.0.1:{port}")},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "launch.sh").exists()
