"""What Stellwerk relies on of an API server, on a real one."""

import secrets

import pytest

from tests.clusters.fake_api.api_contract import ApiContract

pytestmark = pytest.mark.kubernetes


@pytest.fixture
def api(admin_api):
    return admin_api


@pytest.fixture
def space(admin_api):
    name = f"sw-contract-{secrets.token_hex(3)}"
    admin_api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    admin_api.delete(f"/api/v1/namespaces/{name}", {"propagationPolicy": "Background"})


class TestRealApi(ApiContract):
    pass
