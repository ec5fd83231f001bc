"""The driver of a cluster, made from its row."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from clusters.driver import Driver
from clusters.local import LocalDriver
from clusters.models import Cluster, DriverKind


def installation_id() -> str:
    """What labels everything this portal makes; constant as long as its home lives."""
    return _installation_of(Path(settings.HOME))


def driver_of(cluster: Cluster) -> Driver:
    """The driver that speaks to `cluster`. Cheap: made once per process and kind."""
    if cluster.driver == DriverKind.LOCAL:
        return _local()
    raise ValueError(f"no driver {cluster.driver}")


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
