"""Names in Kubernetes: what may be the name of a Job, and how the objects are called that belong to the portal."""

import hashlib
import re

# RFC 1123, and short enough for the suffix that the Job's pods get.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])?")
LONGEST_LABEL = 63

# The portal's account, its Role and their binding; what it made for itself in a namespace.
ACCOUNT = "stellwerk"
TOKEN = "stellwerk-token"  # noqa: S105 (the name of the Secret)
# The account of the jobs' pods: it has no rights and no token.
JOBS_ACCOUNT = "stellwerk-jobs"
# What the portal may do in a namespace that it made: the same for every portal on the cluster.
SPACE_ROLE = "stellwerk-space"
# The Quota, LimitRange and NetworkPolicy of a team's namespace.
FENCE = "stellwerk"
# On every namespace of a portal's: the namespace of its account. The cluster itself holds the portal to it.
LABEL_ACCOUNT = "stellwerk/account"


def is_job_name(name: str) -> bool:
    """Whether a Job and its pods may have this name."""
    return _NAME.fullmatch(name) is not None


def cluster_wide(namespace: str) -> str:
    """What belongs to the portal of `namespace` and stands in no namespace is called so."""
    return f"stellwerk-{namespace}"


def space_name(prefix: str, slug: str, installation: str, *, is_taken: bool = False) -> str:
    """A team's namespace: `<prefix>-<slug>`, a valid DNS label.

    What had to be cut or changed, or `is_taken` already, ends with a hash of slug and installation instead.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")
    name = f"{prefix}-{plain}"
    if plain == slug and not is_taken and len(name) <= LONGEST_LABEL:
        return name
    mark = hashlib.sha256(f"{installation}/{slug}".encode()).hexdigest()[:8]
    room = LONGEST_LABEL - len(mark) - 1
    return f"{name[:room].rstrip('-')}-{mark}"
