"""Jobs, what they were given and what they left."""

from jobs.models.attempt import Attempt
from jobs.models.bundle import Blob, Bundle, BundleFile, Draft
from jobs.models.estimate import StartEstimate
from jobs.models.history import BulkRun, DefaultView, SavedFilter
from jobs.models.job import TOLD, Job, JobEvent, Priority
from jobs.models.metric import Metric, MetricsTaken
from jobs.models.queue import TeamQueue
from jobs.models.result import Artifact
from jobs.models.search import ScriptText, SearchedJob, SearchEntry, SearchShelf
from jobs.models.stored import Download, Kind, RetentionRule, Stored, StoredBlob, StoredChange, StoredSum
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
    "Download",
    "Draft",
    "Grain",
    "Job",
    "JobEvent",
    "Kind",
    "OutcomeKind",
    "OutcomeSum",
    "Metric",
    "MetricsTaken",
    "PastJob",
    "Priority",
    "RetentionRule",
    "SavedFilter",
    "ScriptText",
    "SearchEntry",
    "SearchShelf",
    "SearchedJob",
    "StartEstimate",
    "Stored",
    "StoredBlob",
    "StoredChange",
    "StoredSum",
    "TeamQueue",
    "UsageSum",
]
