"""What would happen to a job if it were sent now: the new-job form says it before the click."""

import hashlib
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Max, Q
from django.utils import timezone

from clusters.models import Profile
from jobs.forecast.estimate import KEPT_SECONDS, before
from jobs.forecast.playing import Situation, forecast
from jobs.forecast.ranges import Range
from jobs.forecast.reading import read_state
from jobs.forecast.simulator import SimJob, Simulator
from jobs.lifecycle import Status
from jobs.models import Job, Priority, TeamQueue
from teams.models import QuotaLine, Scope
from teams.quota import resources
from teams.quota.book import Shortage

# Behind every job there is; the next one's id.
NEXT = 2**62
AT_ONCE = "Starts at once."
TEAMS_QUOTA = "the team's quota"


@dataclass(frozen=True)
class Ask:
    """A job that is not sent yet."""

    team_id: int
    owner_id: int
    profile: Profile
    time_limit_seconds: int
    name: str = ""
    entry: str = ""
    priority: int = Priority.NORMAL

    def job(self) -> Job:
        """Never saved."""
        profile = self.profile
        return Job(
            pk=NEXT,
            team_id=self.team_id,
            owner_id=self.owner_id,
            cluster_id=profile.cluster_id,
            priority=self.priority,
            cpu_millis=profile.cpu_millis,
            memory_bytes=profile.memory_bytes,
            gpu_resource=profile.gpu_resource if profile.gpu_count else "",
            gpu_count=profile.gpu_count,
            node_labels=profile.node_labels,
            name=self.name,
            entry=self.entry,
            profile_label=profile.name,
            time_limit_seconds=self.time_limit_seconds,
            created_at=timezone.now(),
        )


def say_before(ask: Ask) -> str:
    """ "Starts at once.", "Waits for CPU: …" or "Cannot start like this: …"; "" where nothing can be said."""
    parts = (ask.team_id, ask.owner_id, ask.profile.pk, ask.priority, ask.time_limit_seconds)
    key = f"forecast:ask:{':'.join(str(part) for part in parts)}:{_state_of(ask.team_id)}"
    kept = cache.get(key)
    if kept is None:
        kept = _say(ask)
        cache.set(key, kept, KEPT_SECONDS)
    return str(kept)


def _state_of(team_id: int) -> str:
    """Another word whenever something started, ended, came into the queue or got other limits: it is said anew."""
    accounts = QuotaLine.objects.filter(Q(team=team_id) & ~Q(scope=Scope.USER) | Q(scope=Scope.POOL))
    state = (
        list(accounts.order_by("pk").values_list("pk", "used", "limit")),
        TeamQueue.objects.filter(pk=team_id).values_list("looked_at").first(),
        Job.objects.filter(team=team_id, status=Status.QUEUED, deleted_at=None).aggregate(newest=Max("pk")),
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def _say(ask: Ask) -> str:
    state = read_state(ask.team_id, [ask.job()])
    if state is None:
        return ""
    situation = state.situation
    lane = situation.queued[-1].lane
    if lane in situation.closed.get(ask.team_id, {}):
        return ""
    simulator = _now(situation)
    if NEXT in simulator.starts:
        return AT_ONCE
    shortage = simulator.queues[ask.team_id].book.shortage(lane.demand)
    if shortage is not None and shortage.resource in resources.BUDGETS:
        return _used_up(shortage)
    if shortage is not None and shortage.is_never:
        return _never(shortage)
    likely = forecast(situation, ask.team_id).get(NEXT)
    return _waits(shortage, likely, before(ask.team_id, ask.priority, NEXT))


def _now(situation: Situation) -> Simulator:
    """One look at every queue, as admission would take it now, with this job in it."""
    simulator = situation.simulator()
    for job in situation.queued:
        simulator.queues[job.team].add(SimJob(job.team, job.id, job.lane, -job.seconds, 0.0))
    simulator.look_at_all()
    return simulator


def _used_up(shortage: Shortage) -> str:
    whose = "you" if shortage.scope == Scope.USER else "the team"
    return f"Waits for the next month: the {resources.noun(shortage.resource)} of this one are used up for {whose}."


def _never(shortage: Shortage) -> str:
    if shortage.resource == resources.JOBS:
        return "Cannot start like this: the quota of running jobs is 0. Ask an admin for a larger quota."
    whose = {Scope.CLUSTER: "the team's quota there", Scope.USER: "your own quota"}
    asked, most = (resources.in_words(shortage.resource, each) for each in (shortage.asked, shortage.most))
    return (
        f"Cannot start like this: it asks for {asked}{_of(shortage)}, and "
        f"{whose.get(Scope(shortage.scope), TEAMS_QUOTA)} is {most} in all. "
        "Choose a smaller profile, or ask an admin for a larger quota."
    )


def _of(shortage: Shortage) -> str:
    return "" if shortage.resource == resources.CPU else f" of {resources.noun(shortage.resource)}"


def _waits(shortage: Shortage | None, likely: Range | None, count: int) -> str:
    said = [_why(shortage)]
    if likely is not None:
        said.append(f"likely start in {likely.words}")
    if count:
        said.append("1 job is before it" if count == 1 else f"{count:,} jobs are before it")
    return "; ".join(said) + "."


def _why(shortage: Shortage | None) -> str:
    if shortage is None:
        return "Waits for its turn: jobs that have waited longer need the same"
    is_place = shortage.resource == resources.JOBS
    noun = "a place" if is_place else resources.noun(shortage.resource)
    if shortage.scope == Scope.POOL:
        return f"Waits for {noun}: other teams have borrowed what the team may use"
    who = {Scope.CLUSTER: "the team uses there", Scope.USER: "you use"}
    used = _of_limit(shortage.resource, shortage.used, shortage.limit)
    amounts = f"{used} running jobs" if is_place else used
    return f"Waits for {noun}: {who.get(Scope(shortage.scope), 'the team uses')} {amounts}"


def _of_limit(resource: str, used: int, limit: int) -> str:
    """ "14 of 16 cores", "900 MiB of 2 GiB"."""
    few, many = (resources.in_words(resource, each).split(" ", 1) for each in (used, limit))
    same = few[1:] == many[1:] or (resource == resources.CPU)
    return f"{few[0] if same else ' '.join(few)} of {' '.join(many)}"
