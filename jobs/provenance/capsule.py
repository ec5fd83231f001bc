"""A job's capsule: everything that made its result, as plain values. The page and the archive show the same."""

import json
from datetime import UTC, datetime
from typing import Any

from jobs.models import Attempt, Job
from jobs.provenance.inputs import Inputs
from jobs.provenance.secrets import parted
from jobs.submission.drafts import typed_rules

FORMAT = "stellwerk-capsule"
VERSION = 1
FILE = "capsule.json"
FOLDER = "files/"
# The form's fields for what is kept of the results begin with it.
RULES = "results_"


def capsule_of(job: Job, attempt: Attempt | None, inputs: Inputs) -> dict[str, Any]:
    """JSON values. `attempt` is the one that counts, the newest; `job` has its team, owner and cluster."""
    shown, hidden = parted(job.environment)
    return {
        "format": FORMAT,
        "version": VERSION,
        "job": {"id": job.pk, "name": job.name, "tags": list(job.tags)},
        "entry": job.entry,
        "arguments": list(job.arguments),
        "command": list(job.command),
        "environment": shown,
        "environment_hidden": hidden,
        "image": {
            "label": job.image_label,
            "reference": job.image_reference,
            "digest": attempt.image_digest if attempt else "",
        },
        "profile": _profile_of(job),
        "time_limit_seconds": job.time_limit_seconds,
        "priority": str(job.get_priority_display()),
        "preemptible": job.is_preemptible,
        "results": {name.removeprefix(RULES): text for name, text in typed_rules(job).items()},
        "versions": attempt.versions if attempt else {},
        "who": {"person": job.owner.display_name, "team": job.team.name},
        "where": {"cluster": job.cluster.name, "work": attempt.name if attempt else ""},
        "when": {
            "submitted": _time(job.created_at),
            "started": _time(job.running_at),
            "finished": _time(job.finished_at),
        },
        "outcome": {"status": str(job.status), "reason": job.reason, "exit_code": job.exit_code},
        "files": [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in inputs.files],
        "files_gone": inputs.gone,
    }


def written(capsule: dict[str, Any]) -> bytes:
    """As it is in the archive: the same job gives the same bytes."""
    return (json.dumps(capsule, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _profile_of(job: Job) -> dict[str, Any]:
    return {
        "label": job.profile_label,
        "cpu_millis": job.cpu_millis,
        "memory_bytes": job.memory_bytes,
        "disk_bytes": job.disk_bytes,
        "gpu_count": job.gpu_count,
        "gpu_resource": job.gpu_resource,
        "max_processes": job.max_processes,
        "node_labels": dict(job.node_labels),
        "tolerations": list(job.tolerations),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None
