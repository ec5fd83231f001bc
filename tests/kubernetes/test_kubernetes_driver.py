"""The Kubernetes driver on a real cluster: the contract, and what is special about pods."""

import pytest

from tests.clusters.driver_contract import DriverContract

pytestmark = pytest.mark.kubernetes


class TestKubernetesDriver(DriverContract):
    pass
