"""Jobs, what they were given and what they left."""

from jobs.models.attempt import Attempt
from jobs.models.bundle import Blob, Bundle, BundleFile, Draft
from jobs.models.estimate import StartEstimate
from jobs.models.history import BulkRun, DefaultView, SavedFilter
from jobs.models.job import TOLD, Job, JobEvent, Priority
from jobs.models.queue import TeamQueue
from jobs.models.result import Artifact
from jobs.models.search import ScriptText, SearchedJob, SearchEntry, SearchShelf
from jobs.models.usage import Grain, OutcomeKind, OutcomeSum, PastJob, UsageSum

__all__ = [
    "TOLD",
    "Artifact",
    "Attempt",
    "Blob",
    "Bundle",
    "BulkRun",
    "BundleFile",
    "DefaultView",
    "Draft",
    "Grain",
    "Job",
    "JobEvent",
    "OutcomeKind",
    "OutcomeSum",
    "PastJob",
    "Priority",
    "SavedFilter",
    "ScriptText",
    "SearchEntry",
    "SearchShelf",
    "SearchedJob",
    "StartEstimate",
    "TeamQueue",
    "UsageSum",
]
