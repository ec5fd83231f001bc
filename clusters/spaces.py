"""The teams' namespaces: which team has which, made or checked, and how they are."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from clusters.driver import ClusterRefused, DriverError
from clusters.drivers import driver_of, installation_id, portal_url_of
from clusters.kubernetes import namespaces, onboarding, space_check
from clusters.kubernetes.fences import Reach, Space, check_reach
from clusters.kubernetes.names import LABEL_ACCOUNT, space_name
from clusters.models import Cluster, KubernetesConnection, SpaceMode, TeamSpace
from teams.models import Team
from teams.quota.fence import fence_of

if TYPE_CHECKING:
    from clusters.kubernetes.driver import KubernetesDriver

log = logging.getLogger(__name__)
# Jobs that wait for a namespace ask for it every few seconds: the cluster is asked no more often than this.
AGAIN_AFTER = timedelta(seconds=15)
# What is left for a team's slug in the 63 characters of a namespace.
LONGEST_PREFIX = 40


def settle_spaces(cluster_id: int) -> None:
    """Make, mend or check all teams' namespaces of a cluster, and bring the runner. Never raises DriverError."""
    cluster = Cluster.objects.select_related("kubernetes").filter(pk=cluster_id, is_enabled=True).first()
    if cluster is None or not hasattr(cluster, "kubernetes"):
        return
    _bring_runner(cluster, [cluster.kubernetes.namespace])
    if cluster.kubernetes.space_mode == SpaceMode.ONE:
        return
    for space in TeamSpace.objects.filter(cluster=cluster).select_related("team"):
        settle(cluster, space)


def settle(cluster: Cluster, space: TeamSpace) -> bool:
    """Make, mend or check one. True: jobs can run there; otherwise `space.trouble` says what is to be done."""
    try:
        trouble = _settle(cluster, space)
    except DriverError as error:
        trouble = str(error)
    space.is_ready, space.trouble = not trouble, trouble
    TeamSpace.objects.filter(pk=space.pk).update(is_ready=space.is_ready, trouble=trouble, checked_at=Now())
    return space.is_ready


def space_of(cluster: Cluster, team_id: int) -> TeamSpace:
    """The team's, settled if it was not ready. Raises ClusterRefused with a sentence while jobs cannot run there."""
    row = cluster.kubernetes
    space = TeamSpace.objects.filter(cluster=cluster, team_id=team_id).first()
    if space is None and row.space_mode == SpaceMode.MADE:
        space = _new_space(cluster, Team.objects.get(pk=team_id))
    if space is None:
        raise ClusterRefused(
            f"{cluster.name} has no namespace for the team yet; an admin has to give it one on the cluster's page."
        )
    if not space.is_ready and _is_old(space):
        settle(cluster, space)
    if not space.is_ready:
        raise ClusterRefused(f"The team's namespace on {cluster.name} is not ready: {space.trouble}")
    return space


def wanted_space(row: KubernetesConnection, space: TeamSpace) -> Space:
    """The namespace as it should be at the cluster. Raises ClusterRefused where a setting is wrong."""
    labels = {LABEL_ACCOUNT: row.namespace}
    if row.space_mode == SpaceMode.MADE:
        labels = namespaces.own_labels(installation_id(), space.team_id, row.namespace)
    quota = fence_of(space.team_id, row.cluster_id)
    return Space(space.namespace, row.namespace, labels, quota, _reach(row))


def paste_for(row: KubernetesConnection, space: TeamSpace) -> str:
    """The YAML by which an admin prepares the team's namespace."""
    return onboarding.as_yaml(onboarding.space_manifests(wanted_space(row, space), row.space_mode))


def missing_in(cluster: Cluster, space: TeamSpace) -> list[space_check.Missing]:
    """What a prepared namespace lacks, each with the YAML that adds it. Raises DriverError."""
    return space_check.check(_driver(cluster).api, wanted_space(cluster.kubernetes, space), installation_id())


def _reach(row: KubernetesConnection) -> Reach:
    try:
        others = [check_reach(text) for text in settings.JOBS_MAY_REACH]
    except ValueError as error:
        raise ClusterRefused(f"The setting JOBS_MAY_REACH is wrong: {error}") from error
    return Reach(portal_url_of(row.cluster), others)


def _settle(cluster: Cluster, space: TeamSpace) -> str:
    """The trouble, "" for none. Raises DriverError."""
    row = cluster.kubernetes
    if row.space_mode == SpaceMode.PREPARED:
        missing = missing_in(cluster, space)
        if not missing:
            _bring_runner(cluster, [space.namespace])
        return " ".join(each.sentence for each in missing)
    try:
        done = namespaces.settle(_driver(cluster).api, wanted_space(row, space))
    except namespaces.NotOurs:
        if space.is_ready or not _rename(row, space):
            raise
        done = namespaces.settle(_driver(cluster).api, wanted_space(row, space))
    if done:
        log.info("%s: %s", space.namespace, "; ".join(done))
    _bring_runner(cluster, [space.namespace])
    return ""


def _new_space(cluster: Cluster, team: Team) -> TeamSpace:
    prefix = cluster.kubernetes.namespace
    if len(prefix) > LONGEST_PREFIX:
        raise ClusterRefused(
            f"The portal's namespace “{prefix}” is too long a name to begin those of teams with: at most"
            f" {LONGEST_PREFIX} characters."
        )
    for is_taken in (False, True):
        name = space_name(prefix, team.slug, installation_id(), is_taken=is_taken)
        try:
            with transaction.atomic():
                return TeamSpace.objects.get_or_create(
                    cluster=cluster, team=team, defaults={"namespace": name}
                )[0]
        except IntegrityError:
            continue
    raise ClusterRefused(f"There is no name left for the namespace of {team.name} on {cluster.name}.")


def _rename(row: KubernetesConnection, space: TeamSpace) -> bool:
    """To a name that nobody else has by chance; False where it has that already. Nothing of ours is there yet."""
    other = space_name(row.namespace, space.team.slug, installation_id(), is_taken=True)
    if space.namespace == other:
        return False
    space.namespace = other
    TeamSpace.objects.filter(pk=space.pk).update(namespace=other)
    return True


def _is_old(space: TeamSpace) -> bool:
    return space.checked_at is None or timezone.now() - space.checked_at > AGAIN_AFTER


def _bring_runner(cluster: Cluster, names: list[str]) -> None:
    """Somebody may have deleted it. A job's own create brings it too, so a failure here is only noted."""
    for name in names:
        try:
            _driver(cluster).bring_runner(name)
        except DriverError as error:
            log.warning("The runner cannot be brought to %s on %s: %s", name, cluster.name, error)


def _driver(cluster: Cluster) -> "KubernetesDriver":
    return cast("KubernetesDriver", driver_of(cluster))
