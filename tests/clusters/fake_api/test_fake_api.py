"""The fake API server keeps the contract that a real one keeps (tests/kubernetes/test_api_contract.py)."""

import pytest

from clusters.kubernetes import onboarding
from clusters.kubernetes.api import ApiRefused
from tests.clusters.fake_api.api_contract import ApiContract, job, until


class TestFakeApi(ApiContract):
    pass
