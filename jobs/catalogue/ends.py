"""Why a job is over: an entry for each word of clusters.causes.End, and for the portal's own."""

import signal

from clusters.causes import End, Wait
from jobs.catalogue.entries import Entry, keeping, plain, quoting
from jobs.catalogue.situation import Explanation, Own, Situation
from jobs.catalogue.waits import WAITS

AGAIN = "Run it again; if it happens twice, tell an admin."
NOT_TO_BLAME = "The script is not to blame; run it again."


def unknown_failure(now: Situation) -> Explanation:
    return _exit(now)


def unknown_error(now: Situation) -> Explanation:
    return Explanation(f"The job could not be run.{now.said}", "Run it again, or ask an admin.")


def _exit(now: Situation) -> Explanation:
    code = now.exit_code
    if code == 127:
        return Explanation(
            "The command was not found in this environment (exit code 127).",
            "Choose Run with changes and an environment that has the program, or check the first line of the script.",
        )
    if code == 126:
        return Explanation(
            f"{now.entry} could not be executed (exit code 126).",
            "Check that it is a script of the chosen environment, and choose Run with changes.",
        )
    return Explanation(
        f"The script ended with exit code {code}.",
        "The last lines of its output usually say why. Correct the script and choose Run with changes."
        if now.has_output
        else "There is no output that could say why. Check the script and choose Run with changes.",
    )


def _signal(now: Situation) -> Explanation:
    if now.exit_code is None:
        return _exit(now)
    return Explanation(
        f"The script was ended by signal {signal_name(abs(now.exit_code))}.",
        "A crash inside a library is the usual cause"
        + ("; the last lines of the output may tell which." if now.has_output else "."),
    )


def signal_name(number: int) -> str:
    """15 → "SIGTERM"; the bare number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _time_limit(now: Situation) -> Explanation:
    return Explanation(
        f"Stopped at its time limit of {now.time_limit}.",
        "Choose Run with changes and a longer time limit, or let it save its progress and do less per run.",
    )


def _out_of_memory(now: Situation) -> Explanation:
    return Explanation(
        f"Needed more memory than its profile has ({now.memory}).",
        "Choose Run with changes and a profile with more memory, or read the data in smaller pieces.",
    )


def _disk_limit(now: Situation) -> Explanation:
    limit = now.fact("limit") or now.disk
    return Explanation(
        f"Wrote more to disk than its profile has{f' ({limit})' if limit else ''}, so {now.cluster} ended it.",
        "Choose Run with changes and a profile with more disk, or delete intermediate files while it runs.",
    )


def _evicted(now: Situation) -> Explanation:
    resource = now.fact("resource")
    return Explanation(
        f"Its node of {now.cluster} ran short of {resource or 'memory or disk'} and ended it to save itself."
        + ("" if resource else now.said),
        "The script is not to blame unless it uses more than it asks for. Run it again; an admin can look at the node.",
    )


_OF_SCRIPTS: dict[str, Entry] = {
    End.TIME_LIMIT: _time_limit,
    End.OUT_OF_MEMORY: _out_of_memory,
    End.CPU_LIMIT: plain(
        "Used more CPU time than its cores have within the time limit.",
        "Choose Run with changes and a longer time limit or a profile with more cores.",
    ),
    End.FILE_LIMIT: plain(
        "Tried to write a file larger than its profile's disk space.",
        "Choose Run with changes and a profile with more disk, or write smaller files.",
    ),
    End.DISK_LIMIT: _disk_limit,
    Own.EXIT_CODE: _exit,
    Own.SIGNAL: _signal,
}

_OF_CLUSTERS: dict[str, Entry] = {
    End.EVICTED: _evicted,
    End.STOPPED: quoting(
        "The job was stopped from outside the portal on {cluster}.",
        "Run it again, or ask an admin who stopped it.",
    ),
    End.DELETED: keeping(
        quoting(
            "Somebody deleted the job on {cluster} by hand, outside of the portal.",
            "Run it again, or ask an admin who deleted it.",
        )
    ),
    End.DRAINED: keeping(
        quoting("Its node of {cluster} was taken out of service, and the job with it.", NOT_TO_BLAME)
    ),
    End.PREEMPTED: keeping(quoting("More important work took its place on {cluster}.", NOT_TO_BLAME)),
    End.NODE_LOST: keeping(quoting("{cluster} lost the node on which it ran.", AGAIN)),
    End.LOST: keeping(quoting("{cluster} lost the job before it was known how the script ended.", AGAIN)),
    End.REFUSED: quoting("The job could not be prepared on {cluster}; the script was not started.", AGAIN),
    End.FETCH_FAILED: quoting(
        "The job's files could not be brought to {cluster}; the script was not started.",
        "Run it again. If it happens twice, an admin should check whether the cluster's pods reach the portal.",
    ),
    End.NO_SHELL: plain(
        "The image of {image} has no POSIX shell (/bin/sh), which starting a script needs.",
        "Choose another environment with Run with changes; an admin can add a shell to the image.",
    ),
    End.WRONG_PLATFORM: plain(
        "The image of {image} is made for another kind of processor than {cluster} has.",
        "Choose another environment with Run with changes, and tell an admin.",
    ),
    End.START_FAILED: quoting("{cluster} could not start the script.", AGAIN),
    End.NODE_REFUSED: quoting(
        "A node of {cluster} was chosen for it, but had no room after all.", "Run it again."
    ),
    End.DEADLINE: quoting(
        "It was not ready to start in time on {cluster}: files or image took too long.",
        "Run it again. If it happens twice, tell an admin.",
    ),
    Own.INVALID: quoting("{cluster} cannot run this job.", "Choose Run with changes."),
    Own.CLUSTER_REFUSED: quoting(
        "{cluster} refused the job.", "An admin has to look at the cluster's connection."
    ),
    Own.CLUSTER_REMOVED: plain(
        "Its cluster was switched off by an admin.",
        "Choose Run with changes and an environment of another cluster.",
    ),
}

# A create that was given up has the reason for which it was refused.
_GIVEN_UP: dict[str, Entry] = {
    reason: WAITS[reason]
    for reason in (
        Wait.ADMISSION,
        Wait.LIMIT_RANGE,
        Wait.SPACE_MISSING,
        Wait.SPACE_ENDING,
        Wait.RIGHTS_MISSING,
    )
}

FAILURES: dict[str, Entry] = _OF_SCRIPTS
ERRORS: dict[str, Entry] = {**_GIVEN_UP, **_OF_SCRIPTS, **_OF_CLUSTERS}

# The portal itself asked for the stop (Job.cancel_reason).
STOPPED: dict[str, Entry] = {
    Own.BUDGET: keeping(
        plain(
            "Stopped by the portal: the month's budget of hours is used up.",
            "Run it again when the next month begins, or ask an admin for a larger budget.",
        )
    ),
    Own.PREEMPTED: plain(
        "Stopped by the portal: another team needed back what it borrowed.",
        "It is started anew by itself, as a new job.",
    ),
    Own.RESTARTED: plain(
        "Stopped by the portal: another team needed back what it borrowed.",
        "It was started anew; the new job is named in Details.",
    ),
    Own.STAYS_STOPPED: plain(
        "Stopped by the portal: another team needed back what it borrowed.",
        "It could not be started anew; Details says why. Choose Run with changes.",
    ),
}
