"""The one question that everybody asks the catalogue."""

from jobs.catalogue.ends import ERRORS, FAILURES, STOPPED, unknown_error, unknown_failure
from jobs.catalogue.queued import QUEUED
from jobs.catalogue.situation import Explanation, Situation
from jobs.catalogue.waits import WAITS, silent_node, unknown_wait
from jobs.lifecycle import TERMINAL, Status


def explain(now: Situation) -> Explanation:
    """The sentence and advice for a job's status, never empty."""
    if now.is_unreachable and now.status not in TERMINAL:
        return Explanation(
            f"{now.cluster} cannot be reached at the moment; the job's state is as last seen.",
            "Nothing is lost: the portal keeps trying and catches up by itself.",
        )
    if now.stopped_for in STOPPED and (now.is_cancelling or now.status is Status.CANCELLED):
        return STOPPED[now.stopped_for](now)
    if now.is_cancelling:
        asked = f", as {now.cancelled_by} asked" if now.cancelled_by else ""
        return Explanation(f"Cancelling{asked}: waiting until the script has really stopped.")
    if now.status is Status.FAILED:
        return FAILURES.get(now.reason, unknown_failure)(now)
    if now.status is Status.ERROR:
        return ERRORS.get(now.reason, unknown_error)(now)
    if now.reason and now.status not in TERMINAL:
        return _under_way(now)
    return _usual(now)


def _under_way(now: Situation) -> Explanation:
    if now.status is Status.QUEUED:
        return QUEUED.get(now.reason, _usual)(now)
    if now.status is Status.STARTING:
        return WAITS.get(now.reason, unknown_wait)(now)
    return silent_node(now) if now.reason == "node_silent" else _usual(now)


def _usual(now: Situation) -> Explanation:
    """Nothing is unusual."""
    by = f" by {now.cancelled_by}" if now.cancelled_by else ""
    return Explanation(
        {
            Status.QUEUED: f"Waiting to be started on {now.cluster}.",
            Status.STARTING: f"{now.cluster} is preparing the files and the environment.",
            Status.RUNNING: f"{now.entry} is running on {now.cluster}.",
            Status.FINISHING: "The script has ended; its output and results are being collected.",
            Status.SUCCEEDED: "The script ended without an error.",
            Status.CANCELLED: f"Cancelled{by}{_while_it_ran(now)}.",
        }[now.status]
    )


def _while_it_ran(now: Situation) -> str:
    if now.exit_code is None:
        return ""
    return " while it ran" + ("; output so far is kept" if now.has_output else "")
