"""Jobs, what they were given and what they left."""

from jobs.models.attempt import Attempt
from jobs.models.bundle import Blob, Bundle, BundleFile, Draft
from jobs.models.estimate import StartEstimate
from jobs.models.job import TOLD, Job, JobEvent, Priority
from jobs.models.metric import Metric, MetricsTaken
from jobs.models.queue import TeamQueue
from jobs.models.result import Artifact
from jobs.models.usage import Grain, PastJob, UsageSum

__all__ = [
    "TOLD",
    "Artifact",
    "Attempt",
    "Blob",
    "Bundle",
    "BundleFile",
    "Draft",
    "Grain",
    "Job",
    "JobEvent",
    "Metric",
    "MetricsTaken",
    "PastJob",
    "Priority",
    "StartEstimate",
    "TeamQueue",
    "UsageSum",
]
