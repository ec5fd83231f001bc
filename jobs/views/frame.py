"""The frame around the three tabs of a job's page: what `jobs/job_detail.html` and `_job_header.html` need."""

import uuid
from typing import Any

from jobs.forecast.estimate import outlook_of
from jobs.models import Job
from jobs.retention.gone import gone_of
from teams.access import SignedInRequest
from teams.policy import may_change


def job_frame(request: SignedInRequest, job: Job) -> dict[str, Any]:
    """The context that every tab adds to: the job, whether the asker may cancel and delete it, when it is likely to
    start, what rules deleted of it, and a fresh submit key for the button Run again (a double click sends the same key
    twice).

    `job` comes from `jobs.access.find_job`, so that its team, owner and cluster are loaded.
    """
    return {
        "job": job,
        "may_change": may_change(request.user, owner_id=job.owner_id, team_id=job.team_id),
        "outlook": outlook_of(job),
        "gone": gone_of(job) if job.is_finished else {},
        "run_again_key": uuid.uuid4(),
    }
