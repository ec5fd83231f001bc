"""Which cluster it is, where that may be read."""

import pytest

from clusters.kubernetes.api import ApiRefused
from clusters.kubernetes.identity import identity_of
from tests.clusters.doctor.stub_api import StubApi, refused

PATH = "/api/v1/namespaces/kube-system"


def test_it_is_the_uid_of_kube_system_and_empty_where_that_may_not_be_read():
    api = StubApi()
    assert identity_of(api) == "uid-of-the-cluster"
    api.answers[PATH] = refused(403)
    assert identity_of(api) == ""


def test_no_other_refusal_is_taken_for_one():
    api = StubApi()
    api.answers[PATH] = refused(500)
    with pytest.raises(ApiRefused):
        identity_of(api)
