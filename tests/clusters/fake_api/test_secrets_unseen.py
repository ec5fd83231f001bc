"""Threat 35: canary secrets in every credential field, looked for in all that people and logs can see."""

import copy
import logging
import pickle
import sys
import traceback
from io import StringIO

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from clusters import encryption
from clusters.driver import DriverError
from clusters.drivers import api_of
from clusters.kubernetes.api import Api, ApiRefused
from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.credentials import Eks, Fixed, Hidden, bearer
from clusters.kubernetes.eks import EksAccess, EksTokens
from clusters.models import Authentication, Cluster, KubernetesConnection
from tests.clusters.certificates import make_pair
from tests.clusters.fake_api.faults import answer, reset
from tests.clusters.fake_api.server import LOOPBACK

CANARY = "canary-5f1d"


@pytest.fixture
def row(db, fake, settings):
    settings.CLUSTER_LOOPBACK_ADDRESSES = True
    settings.CREDENTIAL_KEYS = [encryption.new_key()]
    cluster = Cluster.objects.create(name="Lab", slug="lab", driver="kubernetes")
    row = KubernetesConnection(cluster=cluster, namespace="space", runner_image="python:3.11")
    row.take(fake.connection(f"{CANARY}-token"))
    return row


def shown(error: BaseException) -> str:
    """All that a log, a pickle or Django's error page would make of an exception."""
    info = (type(error), error, error.__traceback__)
    page = ExceptionReporter(RequestFactory().get("/"), *info)
    log = StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(log))
    logger.error("%s %r", error, error, exc_info=info)
    told = [str(error), repr(error), log.getvalue(), page.get_traceback_text(), page.get_traceback_html()]
    told += [repr(pickle.dumps(error)), "".join(traceback.format_exception(*info))]
    return "\n".join(told)


@pytest.mark.parametrize(
    "trouble", ["unknown", "reset", "nonsense", "untrusted", "redirect", "refused address"]
)
def test_no_failed_call_shows_a_secret(row, fake, proxy, short, settings, trouble):
    connection = proxy.connection(f"{CANARY}-token")
    rules = LOOPBACK
    if trouble == "reset":
        proxy.add(reset(), times=None)
    elif trouble == "nonsense":
        proxy.add(answer(200, body=b"nonsense\n"), times=None)
    elif trouble == "redirect":
        proxy.add(answer(302, {"Location": "https://elsewhere.test/"}), times=None)
    elif trouble == "untrusted":
        fake_ca = make_pair().ca
        connection = Connection(connection.server, fake_ca, connection.token)
    elif trouble == "refused address":
        rules = None
        settings.CLUSTER_LOOPBACK_ADDRESSES = False
    api = Api(connection, limits=short, rules=rules)
    del connection
    for call in (lambda: api.get("/version"), lambda: list(api.watch("/api/v1/pods", {}, 1))):
        with pytest.raises((ApiRefused, DriverError)) as failed:
            call()
        for settings.DEBUG in (False, True):
            assert CANARY not in shown(_from_our_code_on(failed.value))


def _from_our_code_on(error: BaseException) -> BaseException:
    """Without the frames of this test, which knows the canary."""
    found = error.__traceback__
    while found is not None and "/clusters/kubernetes/" not in found.tb_frame.f_code.co_filename:
        found = found.tb_next
    return error.with_traceback(found)


def test_no_object_that_holds_a_secret_shows_it(row):
    pair = make_pair()
    connection = Connection("https://x", pair.ca, f"{CANARY}-token", f"{CANARY}-certificate", f"{CANARY}-key")
    access = EksAccess("c", "eu-central-1", "", "AKIA", f"{CANARY}-aws")
    tokens = EksTokens(access)
    tokens._token, tokens._token_until = f"{CANARY}-made", sys.float_info.max
    holders = [
        connection,
        Fixed(connection),
        Fixed(connection).headers(),
        access,
        tokens,
        Eks(connection, tokens),
        Eks(connection, tokens).headers(),
        row,
        row.credentials,
        api_of(row),
        api_of(row)._transport,
        vars(row),
        vars(api_of(row)),
    ]
    for holder in holders:
        told = f"{holder!r} {holder} {holder:}" + "%s %r" % (holder, holder)  # noqa: UP031
        assert CANARY not in told, type(holder)
    assert CANARY not in repr(pickle.dumps(row))
    assert CANARY not in repr(pickle.dumps(copy.copy(row)))


def test_a_header_is_sent_as_it_is_and_shown_to_nobody():
    (value,) = bearer(f"{CANARY}-token").values()
    assert isinstance(value, Hidden)
    assert value.encode() == f"Bearer {CANARY}-token".encode()
    assert CANARY not in f"{value} {value!r} {value:>40}" + str([value]) + "%s" % value  # noqa: UP031


@pytest.mark.parametrize(
    ("values", "authentication"),
    [
        ({"token": f"{CANARY} two words"}, None),
        ({"client_certificate": f"{CANARY}-certificate", "client_key": f"{CANARY}-key"}, None),
        ({"token": f"{CANARY}-token", "server": "http://x"}, None),
        ({}, Authentication.EKS),
    ],
)
def test_no_refused_connection_shows_a_secret(row, settings, values, authentication):
    settings.DEBUG = False
    connection = Connection(**{"server": "https://10.0.0.1", "ca": "", **values})
    with pytest.raises(ConnectionInvalid) as invalid:
        row.take(connection, authentication, f"{CANARY}-aws" if authentication else None)
    assert CANARY not in str(invalid.value) + repr(invalid.value) + repr(pickle.dumps(invalid.value))
    error = invalid.value
    # From `take` on: what calls it knows what was typed.
    while error.__traceback__ and "/clusters/models/" not in error.__traceback__.tb_frame.f_code.co_filename:
        error = error.with_traceback(error.__traceback__.tb_next)
    assert CANARY not in shown(error)


def test_the_keys_of_the_portal_are_on_no_error_page(settings):
    settings.DEBUG = True
    settings.CREDENTIAL_KEYS = [f"{CANARY}-key"]
    page = ExceptionReporter(RequestFactory().get("/"), ValueError, ValueError("x"), None)
    assert CANARY not in page.get_traceback_html() + page.get_traceback_text()
