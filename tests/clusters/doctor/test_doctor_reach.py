"""Address, TLS and credentials: each way in which they are wrong is told apart. On real sockets."""

import socket
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from clusters.doctor import reach as module
from clusters.doctor.ground import Ground
from clusters.doctor.reach import reach
from clusters.driver import ClusterRefused, ClusterUnreachable
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from tests.clusters.doctor.stub_api import refused
from tests.clusters.doctor.tls_server import DAY, Authority, serving

OK = (200, {"gitVersion": "v1.36.0"})


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def lines(real, row, authority):
    """`lines(address)`: what the doctor says of the API server there, with the test's CA given for it."""

    def look(address, ca=None, tls_server_name=""):
        row.server, row.ca, row.tls_server_name = f"https://{address}", ca or authority.ca, tls_server_name
        api = Api(Connection(row.server, row.ca, "a-token", tls_server_name=tls_server_name))
        found = {}
        try:
            for line in reach(Ground(real, row, api, time.monotonic() + 60)):
                found[line.key] = line
        except module.NotReached:
            assert "fail" in {line.level for line in found.values()}
        finally:
            api.close()
        assert set(found) == {"address", "tls", "credentials"}
        return found

    return look


def levels(found):
    return " ".join(found[key].level for key in ("address", "tls", "credentials"))


def test_what_is_right_passes(lines, authority):
    with serving(OK, authority.issue()) as port:
        assert levels(lines(f"127.0.0.1:{port}")) == "pass pass pass"


def test_a_name_that_is_in_no_dns_is_told(lines, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = lines("api.nowhere.example:6443")
    assert levels(found) == "fail skip skip"
    assert "cannot find the name api.nowhere.example" in found["address"].sentence
    assert found["address"].fix == "getent hosts api.nowhere.example"


def test_a_port_on_which_nobody_listens_is_told(lines):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = lines(f"127.0.0.1:{taken.getsockname()[1]}")
    assert levels(found) == "fail skip skip"
    assert "nothing listens" in found["address"].sentence


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TimeoutError("timed out"), "firewall"),
        (OSError(113, "No route to host"), "no way from"),
        (OSError(5, "odd"), "Nobody answers"),
    ],
)
def test_silence_is_told_apart(ground, api, monkeypatch, error, word):
    def connect(*_):
        raise error

    ground.row.server = "https://127.0.0.1:6443"
    monkeypatch.setattr(socket, "create_connection", connect)
    api.answers["/version"] = ClusterUnreachable("Nobody answers.")
    found = lines_before_the_end(ground)
    assert word in found[0].sentence
    assert [line.level for line in found] == ["fail", "skip", "skip"]


@pytest.mark.parametrize(
    ("said", "word"),
    [("It timed out.", "hangs"), ("A redirect is not followed.", "A redirect is not followed.")],
)
def test_what_comes_after_tls_is_told(ground, api, authority, said, word):
    api.answers["/version"] = ClusterUnreachable(said)
    with serving(OK, authority.issue()) as port:
        ground.row.server, ground.row.ca = f"https://127.0.0.1:{port}", authority.ca
        assert word in lines_before_the_end(ground)[0].sentence


@pytest.mark.parametrize(
    ("authentication", "levels"), [("token", "fail skip skip"), ("eks", "skip skip fail")]
)
def test_what_may_not_be_asked_is_not_tried_by_hand(ground, api, monkeypatch, authentication, levels):
    monkeypatch.setattr(module.wire, "try_out", lambda *_: pytest.fail("nothing may be sent there"))
    ground.row.authentication = authentication
    api.answers["/version"] = ClusterRefused("This is not allowed.")
    found = lines_before_the_end(ground)
    assert " ".join(line.level for line in found) == levels
    assert "This is not allowed." in {line.sentence for line in found}


def lines_before_the_end(ground):
    found = []
    lines = reach(ground)
    with pytest.raises(module.NotReached):
        while True:
            found.append(next(lines))
    return found


@pytest.mark.parametrize(
    ("certificate", "word", "fix"),
    [
        ({"name": "other.example"}, "not made out for 127.0.0.1", "subjectAltName"),
        ({"name": "10.9.8.7"}, "not made out for 127.0.0.1", "subjectAltName"),
        ({"begin": -2 * DAY, "end": -DAY}, "has expired", "-dates"),
        ({"begin": DAY, "end": 2 * DAY}, "not valid yet", "-dates"),
    ],
)
def test_a_certificate_that_is_wrong_is_told(lines, authority, certificate, word, fix):
    with serving(OK, authority.issue(**certificate)) as port:
        found = lines(f"127.0.0.1:{port}")
    assert levels(found) == "pass fail skip"
    assert word in found["tls"].sentence
    assert fix in found["tls"].fix


def test_a_name_given_for_tls_is_the_one_that_counts(lines, authority):
    with serving(OK, authority.issue("kubernetes")) as port:
        assert levels(lines(f"127.0.0.1:{port}", tls_server_name="kubernetes")) == "pass pass pass"
        assert "made out for other" in lines(f"127.0.0.1:{port}", tls_server_name="other")["tls"].sentence


def test_a_ca_that_is_not_the_clusters_is_told(lines, authority):
    with serving(OK, authority.issue()) as port:
        found = lines(f"127.0.0.1:{port}", ca=Authority().ca)
    assert levels(found) == "pass fail skip"
    assert "not signed by the CA" in found["tls"].sentence
    assert "certificate-authority-data" in found["tls"].fix


def test_what_speaks_no_tls_is_told(lines):
    with serving(OK) as port:
        found = lines(f"127.0.0.1:{port}")
    assert levels(found) == "pass fail skip"
    assert "does not speak TLS" in found["tls"].sentence


@pytest.mark.parametrize(
    ("status", "word"), [(401, "does not accept the portal's credentials"), (403, "refuses")]
)
def test_credentials_that_are_not_known_are_told(lines, row, authority, status, word):
    row.identity = "6f2c0c1e"
    with serving((status, {"message": "Unauthorized"}), authority.issue()) as port:
        found = lines(f"127.0.0.1:{port}")
    assert levels(found) == "pass pass fail"
    assert word in found["credentials"].sentence


@pytest.mark.parametrize("authentication", ["token", "certificate", "in_cluster", "eks"])
def test_credentials_that_are_not_accepted_may_never_have_worked(lines, row, authority, authentication):
    row.authentication = authentication
    with serving((401, {"message": "Unauthorized"}), authority.issue()) as port:
        line = lines(f"127.0.0.1:{port}")["credentials"]
    assert "were not copied as a whole" in line.sentence
    assert "any more" not in line.sentence
    assert line.fix


def test_credentials_that_only_look_right_are_told(ground, api):
    """A cluster that lets anybody ask for its version."""
    api.answers["/apis/authentication.k8s.io/v1/selfsubjectreviews"] = refused(401)
    found = lines_before_the_end(ground)
    assert found[-1].level == "fail"
    assert found[-1].fix.startswith("kubectl -n jobs get secret")


@pytest.mark.parametrize(
    ("left", "level", "word"),
    [
        (None, "pass", "system:serviceaccount:jobs:it"),
        (timedelta(days=15), "pass", "good until"),
        (timedelta(days=13, hours=5), "warn", "in 13 days"),
        (timedelta(hours=-1), "warn", "should have ended"),
    ],
)
def test_credentials_that_end_soon_warn(ground, left, level, word):
    ground.row.expires_at = left and timezone.now() + left
    line = list(reach(ground))[-1]
    assert (line.level, word in line.sentence) == (level, True)
