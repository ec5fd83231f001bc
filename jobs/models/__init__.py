"""Jobs, what they were given and what they left."""

from jobs.models.attempt import Attempt
from jobs.models.bundle import Blob, Bundle, BundleFile, Draft
from jobs.models.job import TOLD, Job, JobEvent
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
    "PastJob",
    "UsageSum",
]
