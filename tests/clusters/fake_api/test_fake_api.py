"""The fake API server keeps the contract that a real one keeps (tests/kubernetes/test_api_contract.py)."""

from tests.clusters.fake_api.api_contract import ApiContract


class TestFakeApi(ApiContract):
    pass
