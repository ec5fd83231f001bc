"""Why a job is where it is: a sentence for people and what to do next. Pure; one entry per reason."""

import signal
from dataclasses import dataclass

from jobs.lifecycle import Status


@dataclass(frozen=True)
class Explanation:
    """One sentence and, where there is something to do, one piece of advice."""

    sentence: str
    advice: str = ""


@dataclass(frozen=True)
class Situation:
    """What an explanation may need to know."""

    status: Status
    reason: str = ""
    detail: str = ""
    exit_code: int | None = None
    is_cancelling: bool = False
    cluster: str = "the cluster"
    entry: str = "the script"
    memory: str = ""
    time_limit: str = ""
    is_unreachable: bool = False


def explain(now: Situation) -> Explanation:
    """The sentence and advice for a job's status, never empty."""
    if now.is_unreachable and now.status in (
        Status.QUEUED,
        Status.STARTING,
        Status.RUNNING,
        Status.FINISHING,
    ):
        return Explanation(
            f"{now.cluster} cannot be reached at the moment; the job's state is as last seen.",
            "Nothing is lost: the portal keeps trying and catches up by itself.",
        )
    if now.is_cancelling:
        return Explanation("Cancelling: waiting until the script has really stopped.")
    if now.reason == "no_space" and now.status is Status.QUEUED:
        return Explanation(
            "Waiting: the portal's disk is nearly full, and output could not be kept.",
            "It starts by itself when there is room again. Delete old jobs, or tell an admin.",
        )
    if now.status is Status.STARTING and now.reason:
        return _waits(now)
    if now.status is Status.FAILED:
        return _failed(now)
    if now.status is Status.ERROR:
        return _error(now)
    return Explanation(
        {
            Status.QUEUED: f"Waiting to be started on {now.cluster}.",
            Status.STARTING: f"{now.cluster} is preparing the files and the environment.",
            Status.RUNNING: f"{now.entry} is running on {now.cluster}.",
            Status.FINISHING: "The script has ended; its output and results are being collected.",
            Status.SUCCEEDED: "The script ended without an error.",
            Status.CANCELLED: "Cancelled."
            if now.exit_code is None
            else "Cancelled while it ran; output so far is kept.",
        }[now.status]
    )


def _waits(now: Situation) -> Explanation:
    """What a job waits for that its cluster has taken."""
    said = f" It says: {now.detail}" if now.detail else ""
    known = {
        "unschedulable": Explanation(
            f"Waiting for room on {now.cluster}: no node has free what its profile asks for.{said}",
            "It starts by itself when there is room. A smaller profile may start sooner.",
        ),
        "image_pull": Explanation(
            f"{now.cluster} cannot get the image of its environment yet, and keeps trying.{said}",
            "If it stays like this, tell an admin: the image may be missing, or need a password.",
        ),
        "image_name": Explanation(
            f"{now.cluster} does not have the image of its environment.{said}",
            "It will not start like this. Cancel it, choose another environment, and tell an admin.",
        ),
        "container_config": Explanation(
            f"{now.cluster} cannot set its pod up.{said}",
            "If it stays like this, tell an admin.",
        ),
    }
    return known.get(now.reason, Explanation(f"{now.cluster} has not started it yet.{said}"))


def _failed(now: Situation) -> Explanation:
    known = {
        "time_limit": Explanation(
            f"Stopped at its time limit of {now.time_limit}.",
            "Run it again with a longer time limit, or let it save its progress and do less per run.",
        ),
        "out_of_memory": Explanation(
            f"Needed more memory than its profile has ({now.memory}).",
            "Choose a profile with more memory, or read the data in smaller pieces.",
        ),
        "cpu_limit": Explanation(
            "Used more CPU time than its cores have within the time limit.",
            "Choose a longer time limit or a profile with more cores.",
        ),
        "file_limit": Explanation(
            "Tried to write a file larger than its profile's disk space.",
            "Choose a profile with more disk, or write smaller files.",
        ),
    }
    if now.reason in known:
        return known[now.reason]
    return _exit(now)


def _exit(now: Situation) -> Explanation:
    code = now.exit_code
    if now.reason == "signal" and code is not None:
        return Explanation(
            f"The script was ended by signal {_signal_name(abs(code))}.",
            "A crash inside a library is the usual cause; the last lines of the output may tell which.",
        )
    if code == 127:
        return Explanation(
            "The command was not found in this environment (exit code 127).",
            "Choose an environment that has the program, or check the first line of the script.",
        )
    if code == 126:
        return Explanation(
            f"{now.entry} could not be executed (exit code 126).",
            "Check that it is a script of the chosen environment.",
        )
    return Explanation(
        f"The script ended with exit code {code}.",
        "The last lines of its output usually say why. Correct the script and choose Run with changes.",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _error(now: Situation) -> Explanation:
    said = f" It said: {now.detail}" if now.detail else ""
    known = {
        "lost": Explanation(
            f"{now.cluster} lost the job before it was known how the script ended.{said}",
            "Output that had arrived is kept. Run it again; if it happens twice, tell an admin.",
        ),
        "stopped": Explanation(
            f"The job was stopped from outside the portal on {now.cluster}.{said}",
            "Run it again, or ask an admin who stopped it.",
        ),
        "refused": Explanation(
            f"The job could not be prepared on {now.cluster}; the script was not started.{said}",
            "Run it again; if it happens twice, tell an admin.",
        ),
        "invalid": Explanation(f"{now.cluster} cannot run this job.{said}", "Run it with changes."),
        "cluster_refused": Explanation(
            f"{now.cluster} refused the job.{said}", "An admin has to look at the cluster's connection."
        ),
        "cluster_removed": Explanation(
            "Its cluster was switched off by an admin.", "Run it again on another cluster."
        ),
    }
    return known.get(
        now.reason, Explanation(f"The job could not be run.{said}", "Run it again, or ask an admin.")
    )
