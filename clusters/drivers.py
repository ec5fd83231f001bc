"""The driver of a cluster, made from its row."""

import threading
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from clusters.driver import AdminFirst, Driver
from clusters.encryption import NoKey, Undecryptable
from clusters.local import LocalDriver
from clusters.models import Authentication, Cluster, DriverKind, KubernetesConnection

if TYPE_CHECKING:
    from clusters.kubernetes.api import Api
    from clusters.kubernetes.driver import KubernetesDriver
    from clusters.kubernetes.pace import Pace


def installation_id() -> str:
    """What labels everything this portal makes; constant as long as its home lives."""
    return _installation_of(Path(settings.HOME))


def driver_of(cluster: Cluster) -> Driver:
    """The driver that speaks to `cluster`: made once per process, and anew when an admin changed its connection.

    Raises ClusterRefused where its credentials cannot be read.
    """
    if cluster.driver == DriverKind.LOCAL:
        return _local()
    with _lock:
        return _kubernetes(cluster)


def observer_of(cluster: Cluster) -> Driver:
    """A driver for `watch` alone, whose `observe` costs no request per look. Close it. Raises ClusterRefused."""
    return _local() if cluster.driver == DriverKind.LOCAL else _connect(cluster, _row_of(cluster)).follow()


def portal_url_of(cluster: Cluster) -> str:
    """Where the cluster's jobs reach the portal."""
    if cluster.driver == DriverKind.KUBERNETES:
        own = (
            KubernetesConnection.objects.filter(cluster=cluster).values_list("portal_url", flat=True).first()
        )
        return own or settings.PORTAL_URL_FOR_JOBS
    return settings.PORTAL_URL_FOR_JOBS


_lock = threading.Lock()
_connected: "dict[int, tuple[datetime, KubernetesDriver]]" = {}


def _kubernetes(cluster: Cluster) -> "KubernetesDriver":
    row = _row_of(cluster)
    made_at, driver = _connected.get(cluster.pk, (None, None))
    if driver is None or made_at != row.changed_at:
        driver = _connect(cluster, row)
        _connected[cluster.pk] = (row.changed_at, driver)
    return driver


def _row_of(cluster: Cluster) -> KubernetesConnection:
    row = KubernetesConnection.objects.filter(cluster=cluster).first()
    if row is None:
        raise AdminFirst(f"{cluster.name} has no connection; an admin has to connect it.")
    return row


def api_of(row: KubernetesConnection, *, any_cluster: bool = False) -> "Api":
    """The API of the cluster with the row's credentials, however it authenticates. Close it.

    All of one cluster share their rate limit. Where the row knows which cluster it is (`identity`), each call refuses
    another one at its address (AdminFirst), unless `any_cluster`. Raises AdminFirst where there are no credentials.
    """
    # Imported here: a portal without a Kubernetes cluster does without its HTTP client in every process.
    from clusters.kubernetes.addresses import rules_of_settings
    from clusters.kubernetes.api import Api

    rules = rules_of_settings()
    if row.authentication == Authentication.IN_CLUSTER:
        # Its address comes from the pod's environment, not from a person.
        rules = replace(rules, private=True)
    try:
        credentials = row.credentials
    except (NoKey, Undecryptable) as error:
        raise AdminFirst(f"{row.cluster.name} cannot be connected: {error}") from None
    identity = "" if any_cluster else row.identity
    return Api(credentials, _pace_of(row.cluster_id), rules=rules, identity=identity)


def _connect(cluster: Cluster, row: KubernetesConnection) -> "KubernetesDriver":
    from clusters.kubernetes.driver import KubernetesDriver, RunnerImage
    from clusters.placement import places_of

    runner = RunnerImage(row.runner_image, row.runner_pull_secret)
    return KubernetesDriver(api_of(row), places_of(row), installation_id(), runner)


@lru_cache
def _pace_of(cluster_id: int) -> "Pace":
    from clusters.kubernetes.pace import Pace

    return Pace(settings.CLUSTER_REQUESTS_PER_SECOND)


@lru_cache
def _installation_of(home: Path) -> str:
    """Eight characters, kept in the home; the file appears whole or not at all."""
    import secrets

    path = home / "installation-id"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"installation-id.{secrets.token_hex(4)}")
        fresh.write_text(secrets.token_hex(4))
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


@lru_cache
def _local() -> LocalDriver:
    return LocalDriver(
        installation=installation_id(),
        base=Path(settings.HOME) / "local",
        uid_base=settings.LOCAL_JOB_UID_BASE,
    )
