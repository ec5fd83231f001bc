"""What the jobs of a cluster have in common while they are driven: driver, places, addresses, and whether they rush."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models.functions import Now

from clusters.driver import ClusterRefused, Driver, Work
from clusters.drivers import driver_of, portal_url_of
from jobs.catalogue import Own
from jobs.lifecycle import Status
from jobs.models import Attempt, Job
from jobs.reconciler.acts import AT_ONCE, Retry, work_of

# While more than so many jobs wait for their pods, the cluster has better things to do than to clean up.
RUSH, RUSH_AGE = AT_ONCE, timedelta(seconds=30)


@dataclass
class Ground:
    """What the jobs of a cluster have in common, asked for once."""

    drivers: dict[int, Driver] = field(default_factory=dict)
    portal_urls: dict[int, str] = field(default_factory=dict)
    rushes: dict[int, bool] = field(default_factory=dict)

    def is_rush(self, cluster_id: int) -> bool:
        """Whether many jobs were sent to the cluster a moment ago, and have not begun."""
        if cluster_id not in self.rushes:
            fresh = Job.objects.filter(
                cluster=cluster_id, status=Status.STARTING, starting_at__gt=Now() - RUSH_AGE
            )
            self.rushes[cluster_id] = fresh[: RUSH + 1].count() > RUSH
        return self.rushes[cluster_id]

    def driver(self, job: Job) -> Driver:
        """Raises Retry while an admin has to act first."""
        try:
            known = self.drivers.get(job.cluster_id)
            return known or self.drivers.setdefault(job.cluster_id, driver_of(job.cluster))
        except ClusterRefused as error:
            is_told = job.status == Status.STARTING
            raise Retry(10, *((Own.NO_PLACE, str(error)) if is_told else ())) from error

    def work_of(self, job: Job, attempt: Attempt) -> Work:
        """Raises what the database raises."""
        if job.cluster_id not in self.portal_urls:
            self.portal_urls[job.cluster_id] = portal_url_of(job.cluster)
        return work_of(job, attempt, self.portal_urls[job.cluster_id])
