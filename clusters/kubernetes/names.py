"""What Kubernetes allows as the name of a Job."""

import re

# RFC 1123, and short enough for the suffix that the Job's pods get.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?")


def is_job_name(name: str) -> bool:
    """Whether a Job and its pods may have this name."""
    return _NAME.fullmatch(name) is not None
