"""Why a work waits, and why it ended: the closed list of words that a driver may say in `Seen.reason`.

Machines compare them, jobs/catalogue.py has a sentence and an advice for each. "" is said where there is nothing
unusual to tell. Words are never renamed: they are stored with jobs.
"""

from enum import StrEnum


class Wait(StrEnum):
    """Why the script has not begun, or (NODE_SILENT) is not heard of. None of them is an end."""

    UNSCHEDULABLE = "unschedulable"  # no node fits now: the words say which resource, taint or label
    PREEMPTING = "preempting"  # a node was found and is being cleared of less important pods
    GATED = "gated"  # a queue in the cluster holds it back
    SCHEDULER_SILENT = "scheduler_silent"  # nobody has looked for a node
    CONTROLLERS_SILENT = "controllers_silent"  # nobody has made a pod for the Job
    QUOTA = "quota"  # the namespace's ResourceQuota is used up
    LIMIT_RANGE = "limit_range"  # more than the namespace's LimitRange allows one pod
    ADMISSION = "admission"  # a rule of the cluster (Pod Security, a policy, a webhook) does not let it in
    POD_REFUSED = "pod_refused"  # the pod cannot be made for another cause
    SPACE_MISSING = "space_missing"  # its namespace is not there
    SPACE_ENDING = "space_ending"  # its namespace is being deleted
    RIGHTS_MISSING = "rights_missing"  # the portal's account may not do it
    IMAGE_MISSING = "image_missing"  # the registry has no such image or tag
    IMAGE_LOGIN = "image_login"  # the registry wants a login
    IMAGE_LIMIT = "image_limit"  # the registry wants to be asked less
    IMAGE_REGISTRY = "image_registry"  # the registry cannot be reached from the node
    IMAGE_PLATFORM = "image_platform"  # the image is not there for the node's kind of processor
    PULL_SECRET_MISSING = "pull_secret_missing"  # noqa: S105 (a word): the Secret with the registry's login is not there
    IMAGE_PULL = "image_pull"  # the image cannot be had for another cause
    IMAGE_NAME = "image_name"  # no reference of an image, or one that may not be pulled
    CONFIG_MISSING = "config_missing"  # a Secret or ConfigMap that the pod needs is not there
    CONTAINER_CONFIG = "container_config"  # a container cannot be set up for another cause
    VOLUME = "volume"  # the pod's volumes or its network are not ready
    PREPARING = "preparing"  # the pod has a node, and nothing tells why it takes so long
    NODE_SILENT = "node_silent"  # its node does not answer; what runs there may go on


class End(StrEnum):
    """Why it is over, beyond an exit code."""

    # The runner's own words.
    TIME_LIMIT = "time_limit"
    OUT_OF_MEMORY = "out_of_memory"
    STOPPED = "stopped"
    CPU_LIMIT = "cpu_limit"
    FILE_LIMIT = "file_limit"
    # Nothing was started.
    REFUSED = "refused"  # the portal refused the claim
    FETCH_FAILED = "fetch_failed"  # the job's files could not be brought
    NO_SHELL = "no_shell"  # the image has no /bin/sh
    WRONG_PLATFORM = "wrong_platform"  # the image is for another kind of processor
    START_FAILED = "start_failed"  # another cause
    NODE_REFUSED = "node_refused"  # the node had no room after all
    DEADLINE = "deadline"  # it was not ready to start in time
    # Something outside ended it.
    DISK_LIMIT = "disk_limit"  # it wrote more than its profile's disk space
    EVICTED = "evicted"  # its node ran short of memory or disk
    DRAINED = "drained"  # its node was taken out of service
    PREEMPTED = "preempted"  # something more important took its place
    NODE_LOST = "node_lost"  # its node was given up
    DELETED = "deleted"  # somebody deleted its pod or its Job
    LOST = "lost"  # it is gone, and nobody knows how it ended


# Of these the script is no cause: whatever it was doing, it was interrupted.
INTERRUPTIONS = frozenset({End.STOPPED, End.EVICTED, End.DRAINED, End.PREEMPTED, End.NODE_LOST, End.DELETED})
# A script that was told to stop cannot know why; when the cluster says one of these, it knows better.
BETTER_THAN_STOPPED = (INTERRUPTIONS - {End.STOPPED}) | {End.DISK_LIMIT, End.OUT_OF_MEMORY, End.TIME_LIMIT}
# A create that is refused for these may succeed later by itself: it is tried for as long as it takes.
PATIENT = frozenset({Wait.QUOTA})
