"""How the portal says that an API server does not answer: in words, without the operating system's numbers."""

import errno
import re
import socket
import ssl
import threading

import pytest
from urllib3.exceptions import ProtocolError

from clusters.driver import ClusterUnreachable
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection
from clusters.kubernetes.transport import _plain, _short
from tests.clusters.certificates import make_ca

RAW = re.compile(r"Errno|\[SSL|_ssl\.c|\[|\]")


@pytest.fixture
def trouble(settings):
    """What is said of an API server at this port of this machine."""
    settings.CLUSTER_LOOPBACK_ADDRESSES = True

    def ask(port: int) -> str:
        api = Api(Connection(f"https://127.0.0.1:{port}", make_ca(), "a-token"))
        try:
            with pytest.raises(ClusterUnreachable) as told:
                api.get("/version")
        finally:
            api.close()
        return str(told.value)

    return ask


def test_a_port_where_nothing_listens_is_said_in_words(trouble):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = trouble(port)
    assert said == (
        f"https://127.0.0.1:{port} does not answer: nothing listens at this port, the connection was refused."
    )


def test_a_server_that_speaks_no_tls_is_said_without_openssls_place_in_its_source(trouble):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        said = trouble(server.getsockname()[1])
        thread.join()
    assert "does not answer: " in said
    assert not RAW.search(said)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ECONNREFUSED, "the connection was refused"),
        (errno.ECONNRESET, "the connection was cut off"),
        (errno.ETIMEDOUT, "the connection timed out"),
        (errno.EHOSTUNREACH, "there is no way to this machine"),
        (errno.ENETUNREACH, "there is no way to its network"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_the_usual_troubles_have_words_and_the_others_no_number(number, words):
    error = OSError(number, "Too many open files")
    assert words in _plain(error)
    aborted = _short(ProtocolError("Connection aborted.", error))
    for said in (_plain(error), aborted):
        assert not RAW.search(said)


def test_a_handshake_that_fails_is_said_without_numbers():
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1010)")
    assert _short(error) == "wrong version number"


def test_openssls_own_error_has_a_word_as_its_reason():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 5)
        context = ssl.create_default_context()
        context.check_hostname = False
        with pytest.raises(ssl.SSLError) as caught:
            context.wrap_socket(ours)
    assert caught.value.reason == "WRONG_VERSION_NUMBER"
    assert _short(caught.value) == "wrong version number"
