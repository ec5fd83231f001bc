"""What a job in a team's queue waits for: an entry for each of the portal's own causes."""

from jobs.catalogue.entries import Entry, plain
from jobs.catalogue.situation import Explanation, Own, Situation
from jobs.catalogue.waits import WAITS


def _quota(whose: str, ends: str) -> Entry:
    """`whose` uses it, after "Waiting for CPU: "; `ends` is what frees it."""

    def entry(now: Situation) -> Explanation:
        noun, asked, used, limit = (now.fact(name) for name in ("noun", "asked", "used", "limit"))
        who = whose.format(cluster=now.cluster)
        if not noun:
            return Explanation(f"Waiting for quota: {who} what it may.", f"It starts by itself when {ends}.")
        is_of_jobs = now.facts.get("resource") == "jobs"
        if now.facts.get("is_never") and is_of_jobs:
            return Explanation(
                f"No job may run: the quota of running jobs is {limit}.", "Ask an admin for a larger quota."
            )
        if now.facts.get("is_never"):
            return Explanation(
                f"It asks for {asked}{_of(noun)}, and the quota is {limit} in all.",
                "It cannot start like this: choose Run with changes and a smaller profile, or ask an admin for a "
                "larger quota.",
            )
        if is_of_jobs:
            return Explanation(
                f"Waiting for a place: {who} {used} of {limit} running jobs.",
                f"It starts by itself when {ends}.",
            )
        return Explanation(
            f"Waiting for {noun}: {who} {used} of {limit}, and it asks for {asked}.",
            f"It starts by itself when {ends}; a smaller profile may start sooner.",
        )

    return entry


def _place(now: Situation) -> str:
    return "a place" if now.facts.get("resource") == "jobs" else ""


def _of(noun: str) -> str:
    return f" of {noun}" if noun and noun != "running jobs" else ""


def _lent(now: Situation) -> Explanation:
    noun, asked, used, limit = (now.fact(name) for name in ("noun", "asked", "used", "limit"))
    amounts = f" It asks for {asked}; {used} of {limit} that teams share are in use." if asked else ""
    return Explanation(
        f"Waiting for {_place(now) or noun or 'quota'}: other teams have borrowed what the team may use.{amounts}",
        "It comes first when a job of theirs ends; nobody borrows more meanwhile.",
    )


def _its_turn(now: Situation) -> Explanation:
    first = f"job {now.fact('behind')}" if now.fact("behind") else "a job that has waited longer"
    return Explanation(
        f"Waiting for its turn: {first} needs the same and has waited longer.",
        "There would be room for this one, but then the other might never start. It follows by itself.",
    )


def _budget(now: Situation) -> Explanation:
    noun, used, limit, whose = (now.fact(name) for name in ("noun", "used", "limit", "whose"))
    amounts = f": {used} of {limit}" if used and limit else ""
    return Explanation(
        f"The {noun or 'hours'} of the month are used up for {whose or 'the team'}{amounts}.",
        "It starts by itself when the next month begins, or when an admin raises the budget.",
    )


def _paused(now: Situation) -> Explanation:
    words = " ".join(now.detail.split())
    said = f" {words}{'' if words.endswith(('.', '!', '?')) else '.'}" if words else ""
    return Explanation(
        f"Paused by an admin: nothing new starts for now.{said}",
        "It starts by itself when the pause is over.",
    )


QUEUED: dict[str, Entry] = {
    Own.TEAM_QUOTA: _quota("the team uses", "jobs of the team end"),
    Own.CLUSTER_QUOTA: _quota("on {cluster} the team uses", "jobs of the team end there"),
    Own.OWN_QUOTA: _quota("its owner uses", "other jobs of the same person end"),
    Own.QUOTA_LENT: _lent,
    Own.ITS_TURN: _its_turn,
    Own.BUDGET: _budget,
    Own.TEAM_DISABLED: plain(
        "The team was disabled by an admin: nothing new of it starts.",
        "Ask an admin. It starts by itself when the team is enabled again.",
    ),
    Own.PAUSED: _paused,
    Own.CLUSTER_FULL: plain(
        "Waiting for room on {cluster}: enough jobs wait there for a node.",
        "It starts by itself when jobs there end. Teams that use less of their quota come first.",
    ),
    Own.CLUSTER_SILENT: plain(
        "{cluster} does not answer, so nothing is sent there.",
        "It starts by itself when the cluster answers again. Run with changes can send it to another cluster.",
    ),
    Own.NO_SPACE: plain(
        "Waiting: the portal's disk is nearly full, and output could not be kept.",
        "It starts by itself when there is room again. Delete old jobs, or tell an admin.",
    ),
    Own.NO_PLACE: WAITS[Own.NO_PLACE],
}
# In a table's cell.
SHORT: dict[str, str] = {
    Own.TEAM_QUOTA: "team's quota",
    Own.CLUSTER_QUOTA: "team's quota there",
    Own.OWN_QUOTA: "own quota",
    Own.QUOTA_LENT: "lent quota",
    Own.ITS_TURN: "its turn",
    Own.PAUSED: "paused",
    Own.BUDGET: "month's budget",
    Own.TEAM_DISABLED: "team is disabled",
    Own.CLUSTER_FULL: "cluster is full",
    Own.CLUSTER_SILENT: "cluster does not answer",
    Own.NO_SPACE: "portal's disk is full",
    Own.NO_PLACE: "no namespace yet",
}
