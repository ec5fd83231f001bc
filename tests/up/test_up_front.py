import http.client
import os
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from portal.up import binaries, front
from portal.up.account import Account, server_account
from portal.up.front import Address
from portal.up.processes import Process, stop_all
from portal.up.state import Home, make_run_folder, open_home, remove_run_folder
from portal.up.troubles import AddressRefused, BadAddress, BusyPort
from tests.up.portal_process import free_port


class Web(BaseHTTPRequestHandler):
    """Stands in for gunicorn: says what it got, or sends a file through nginx."""

    protocol_version = "HTTP/1.0"  # no connection outlives the server

    def do_GET(self):
        body = "\n".join(f"{name}: {value}" for name, value in self.headers.items()).encode()
        self.send_response(200)
        if self.path.startswith("/file/"):
            self.send_header("X-Accel-Redirect", "/_files/" + self.path.removeprefix("/file/"))
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Disposition", 'attachment; filename="report.html"')
            self.send_header("Content-Security-Policy", "sandbox")
            self.send_header("X-Content-Type-Options", "nosniff")
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing to the terminal."""

    def address_string(self):
        return "unix"


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def site():
    """nginx as the portal starts it: its address, the home it serves, and the folder where web listens."""
    account = server_account()
    folder = Path(f"/tmp/stellwerk front ${os.getpid()}")  # a space and a dollar: paths are quoted
    home = open_home(folder, account)
    run = make_run_folder(account)
    address = Address("127.0.0.1", free_port())
    process = Process(front.program(home, run, address, account))
    process.start()
    deadline = time.monotonic() + 10
    while not process.is_ready:
        assert time.monotonic() < deadline, home.log("front").read_text()
        time.sleep(0.02)
    yield address, home, run
    stop_all([process])
    remove_run_folder(run)
    shutil.rmtree(home.path)


@pytest.fixture
def web(site):
    """A web process behind nginx."""
    with standing_in(site[2] / "web.sock"):
        yield


@pytest.fixture
def intake(site):
    """An intake process behind nginx."""
    with standing_in(site[2] / "intake.sock"):
        yield


@contextmanager
def standing_in(path):
    path.unlink(missing_ok=True)
    with UnixServer(str(path), Web) as server:
        path.chmod(0o777)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield
        server.shutdown()
    path.unlink()


def get(site, path, method="GET", **headers):
    connection = http.client.HTTPConnection(site[0].host, site[0].port, timeout=10)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=names)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    return answer, body


def test_web_learns_the_host_with_its_port_and_the_true_peer(site, web):
    _, body = get(site, "/", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    assert f"Host: 127.0.0.1:{site[0].port}" in body
    assert "X-Forwarded-For: 127.0.0.1\n" in body + "\n"
    assert "X-Forwarded-Proto: http\n" in body + "\n"
    assert "203.0.113.9" not in body


def test_jobs_reach_the_intake_under_any_name_without_web(site, intake):
    _, body = get(site, "/intake/claim", Host="portal.their-cluster.example:8080")
    assert "Host: localhost" in body.splitlines()


def test_a_stored_file_keeps_the_headers_that_make_it_harmless(site, web):
    (site[1].files / "report.html").write_text("<p>hello")
    answer, body = get(site, "/file/report.html")
    assert body == "<p>hello"
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="report.html"'
    assert answer.headers.get_all("Content-Security-Policy") == ["sandbox"]


def test_a_stored_file_can_be_read_in_parts(site, web):
    (site[1].files / "report.html").write_text("0123456789")
    answer, body = get(site, "/file/report.html", Range="bytes=2-4")
    assert (answer.status, body) == (206, "234")


def test_a_stored_file_that_a_rule_deleted_a_moment_ago_is_gone(site, web):
    answer, body = get(site, "/file/never.html")
    assert answer.status == 410
    assert "deleted" in body
    assert answer.getheader("Cache-Control") == "no-store"


def test_stored_files_have_no_address_of_their_own(site, web):
    (site[1].files / "report.html").write_text("<p>hello")
    answer, body = get(site, "/_files/report.html")
    assert answer.status == 404
    assert "hello" not in body


@pytest.mark.parametrize(
    "path", ["/static/../secret-key", "/static../secret-key", "/static/%2e%2e/secret-key"]
)
def test_no_path_leads_out_of_the_static_files(site, web, path):
    _, body = get(site, path)
    assert (site[1].path / "secret-key").read_text().strip() not in body


def test_static_files_with_a_hash_in_their_name_never_expire(site):
    (site[1].static / "app.0123456789ab.css").write_text("a{}" * 1000)
    (site[1].static / "app.css").write_text("a{}")
    answer, _ = get(site, "/static/app.0123456789ab.css", Accept_Encoding="gzip")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/css"
    assert get(site, "/static/app.css")[0].headers["Cache-Control"] == "no-cache"


def test_a_person_sees_a_page_that_reloads_itself_while_web_starts(site):
    answer, body = get(site, "/jobs/7/", Accept="text/html,*/*;q=0.8")
    assert answer.status == 503
    assert 'http-equiv="refresh"' in body
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_sent_while_web_starts_gets_words_and_is_not_repeated(site):
    answer, body = get(site, "/jobs/new/", method="POST", Accept="text/html", Content_Length="0")
    assert answer.status == 503
    assert "refresh" not in body
    assert "what you typed is still there" in body


@pytest.mark.parametrize("path", ["/intake/claim", "/live/changes?ids=1", "/jobs/7/status"])
def test_a_program_gets_503_and_when_to_come_back(site, path):
    answer, body = get(site, path, Accept="text/html", HX_Request="true")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["HX-Reswap"] == "none"
    assert body.startswith('{"error"')


def test_nginx_does_not_say_its_version(site):
    assert get(site, "/")[0].headers["Server"] == "nginx"


def test_the_starting_page_fits_into_a_quoted_string_of_nginx():
    page = (front.HERE / "starting.html").read_text()
    assert not set(page) & set("'$\\")
    assert len(page) < 4000


def test_there_is_room_for_more_than_a_thousand_watching_browsers(tmp_path):
    text = front.configuration(Home(tmp_path), tmp_path, Address("127.0.0.1", 1), Account())
    found = [re.search(rf"{name} (\d+);", text) for name in ("worker_connections", "worker_rlimit_nofile")]
    connections, files = (int(match[1]) for match in found)
    # Two for each stream: the browser's and the one to the live process.
    assert 2 * 1500 < connections < files


def test_a_normal_user_starts_nginx_without_switching_accounts(tmp_path):
    text = front.configuration(Home(tmp_path), tmp_path, Address("127.0.0.1", 1), Account())
    assert "\nuser " not in text
    assert "@" not in text.replace("@starting", "").replace("@gone", "").replace("@too_large", "").replace(
        "@run", "@"
    )
    assert front.configuration(
        Home(tmp_path), tmp_path, Address("127.0.0.1", 1), Account(65534, 0, "nobody")
    ).count("\nuser nobody root;")


def test_a_configuration_for_ipv6_is_accepted_by_nginx(tmp_path):
    config = tmp_path / "nginx.conf"
    config.write_text(front.configuration(Home(tmp_path), tmp_path, Address("::1", free_port()), Account()))
    command = [binaries.nginx(), "-t", "-p", f"{tmp_path}/", "-c", config, "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Cannot assign requested address" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("bind", "host", "port"),
    [("127.0.0.1:8000", "127.0.0.1", 8000), ("[::1]:80", "::1", 80), ("localhost:65535", "localhost", 65535)],
)
def test_an_address_is_a_host_and_a_port(bind, host, port):
    assert Address.parse(bind) == Address(host, port)
    assert Address.parse(bind).netloc == bind


@pytest.mark.parametrize(
    "bind", ["", "8000", ":8000", "host:", "host:0", "host:65536", "host:x", "a;b:80", "a b:1"]
)
def test_anything_else_is_refused(bind):
    with pytest.raises(BadAddress, match="127.0.0.1:8000"):
        Address.parse(bind)


def test_the_address_of_every_interface_is_opened_on_this_machine():
    assert Address("0.0.0.0", 8000).url == "http://127.0.0.1:8000"
    assert Address("::", 8000).url == "http://[::1]:8000"


def test_a_busy_port_is_found_before_nginx_is_started():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(BusyPort, match=str(other.getsockname()[1])):
            front.check_free(Address("127.0.0.1", other.getsockname()[1]))


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(AddressRefused, match="192.0.2.1"):
        front.check_free(Address("192.0.2.1", 8000))
