"""What the new-job page shows: the fields with their errors, the files, and what will happen where and when."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath
from uuid import UUID

from django.conf import settings
from django.db.models import Count

from clusters.fitting import Fit, fit_on, fresh_nodes
from clusters.models import Cluster, Image, Profile
from jobs.forecast.before_sending import AT_ONCE, Ask, say_before
from jobs.lifecycle import ACTIVE, Status
from jobs.models import Draft, Job, Priority
from jobs.quota.gauges import Gauge, gauges_of
from jobs.result_rules import most_together
from jobs.submission.drafts import CODE_NAMES, FROM_JOB, Loaded, code_path
from jobs.submission.filetree import Folder, tree
from jobs.submission.forms import NAMES, NewJobForm, default_exclude
from jobs.submission.pinning import pinned_digest
from jobs.submission.typed import name_for
from jobs.uploads import limits
from jobs.uploads.entry import known_suffix
from jobs.uploads.refusal import UploadRefused, amount
from jobs.uploads.unpacked import Source
from teams.models import Team, User
from teams.wording import readable_bytes, readable_seconds

# With more files than this only those that look like scripts are offered to be started.
ALL_CHOICES = 100
# So many files are named where the form is said to be from before.
NAMED_FILES = 5
RULES = ("results_include", "results_exclude", "results_file_size", "results_size")
MORE = ("name", "time_limit", "tags", "team", "priority", "preemptible", "environment", *RULES)
LANGUAGES = {".py": "Python", ".R": "R", ".jl": "Julia", ".sh": "Bash"}


@dataclass(frozen=True)
class FieldShown:
    """One field: what is in it and what is wrong with it."""

    name: str
    value: str
    error: str = ""
    warning: str = ""


@dataclass
class Outcome:
    """What became of an upload or another action on the files."""

    sources: list[Source] = field(default_factory=list)
    trouble: str = ""
    has_no_room: bool = False

    @property
    def refusals(self) -> list[UploadRefused]:
        """One for each source of which nothing was kept."""
        return [source.refused for source in self.sources if source.refused]

    @property
    def notes(self) -> list[str]:
        """What was done to names."""
        return [note for source in self.sources for note in source.notes]

    @property
    def kept(self) -> int:
        """How many files were kept."""
        return sum(len(source.files) for source in self.sources)

    @property
    def is_for_space(self) -> bool:
        """The portal's disk is full."""
        return self.has_no_room or any(refused.is_for_space for refused in self.refusals)

    @property
    def is_bad(self) -> bool:
        """Something was refused."""
        return bool(self.refusals or self.trouble)


class DraftPage:
    """Read-only answers for the templates. `form` has the errors of a form that was sent."""

    def __init__(
        self, loaded: Loaded, outcome: Outcome | None = None, form: NewJobForm | None = None
    ) -> None:
        self.loaded = loaded
        self.outcome = outcome or Outcome()
        self.is_sent = form is not None
        self.form = form or loaded.form()
        self.form.is_valid()
        self.draft = loaded.draft
        self.offer = loaded.offer
        self.values = loaded.values()

    @property
    def from_job(self) -> int | None:
        """The job that the form began with."""
        number = self.draft.fields.get(FROM_JOB)
        return int(number) if isinstance(number, int) else None

    @cached_property
    def fields(self) -> dict[str, FieldShown]:
        """By name. Before the form was sent only what was filled in can be wrong."""
        shown = {name: self._shown(name) for name in NAMES}
        for name in CODE_NAMES:
            shown[name] = FieldShown(name, str(self.draft.fields.get(name, "")))
        return shown

    def _shown(self, name: str) -> FieldShown:
        value = self.values[name]
        is_told = self.is_sent or bool(value)
        errors: Iterable[object] = self.form.errors.get(name, []) if is_told else []
        warning = self.form.entry_warning if name == "entry" else None
        return FieldShown(
            name,
            value,
            " ".join(str(error) for error in errors),
            f"{warning.sentence} {warning.advice}" if warning else "",
        )

    @property
    def errors(self) -> list[FieldShown]:
        """The fields to look at, for the summary above a form that was sent."""
        return [self.fields[name] for name in NAMES if self.fields[name].error] if self.is_sent else []

    @property
    def guesses(self) -> dict[str, str]:
        """What is shown without having been chosen."""
        return self.loaded.guesses()

    @cached_property
    def root(self) -> Folder:
        """The file tree."""
        return tree(self.loaded.files, self.values["entry"])

    @property
    def entry_choices(self) -> list[str]:
        """The files that can be started; the chosen one is always among them."""
        paths = self.loaded.paths
        if len(paths) > ALL_CHOICES:
            entry = self.values["entry"]
            commands = self.offer.commands
            return [
                path for path in paths if path == entry or known_suffix(PurePosixPath(path).suffix, commands)
            ]
        return paths

    @property
    def named_files(self) -> list[str]:
        """The first few paths; `unnamed_files` counts the others."""
        return self.loaded.paths[:NAMED_FILES]

    @property
    def unnamed_files(self) -> int:
        """How many files `named_files` leaves out."""
        return max(0, len(self.loaded.paths) - NAMED_FILES)

    @property
    def is_entry_missing(self) -> bool:
        """The chosen file is not among the files any more."""
        return self.values["entry"] not in self.loaded.paths

    @property
    def image(self) -> Image | None:
        """The environment that is chosen or guessed."""
        return self.offer.image(self.values["image"])

    @property
    def images(self) -> list[Image]:
        """Those that the team may use, and what is chosen, be it wrong."""
        usable = self.offer.images_for(self.team)
        return [image for image in self.offer.images if image in usable or image == self.image]

    @property
    def pinned(self) -> str:
        """The digest that the image is pinned to, "" for none."""
        return pinned_digest(self.draft.fields, self.image)

    @property
    def profile(self) -> Profile | None:
        """The profile that is chosen or guessed."""
        return self.offer.profile(self.values["profile"])

    @property
    def team(self) -> Team | None:
        """Whose job it will be."""
        return self.offer.team(self.values["team"])

    @property
    def is_more_open(self) -> bool:
        """Whether something in the folded part was filled in or is wrong."""
        typed_now = any(self.draft.fields.get(name) for name in ("name", "tags", "environment"))
        return typed_now or self.has_own_rules or any(self.fields[name].error for name in MORE)

    @property
    def cluster(self) -> Cluster | None:
        """Where it will run."""
        return self.image.cluster if self.image else None

    @property
    def has_many_clusters(self) -> bool:
        """Whether the cluster's name helps to tell environments apart."""
        return len({image.cluster_id for image in self.offer.images}) > 1

    @property
    def profiles(self) -> list[Profile]:
        """Those of the environment's cluster."""
        return self.offer.profiles_on(self.image.cluster_id) if self.image else self.offer.profiles

    @cached_property
    def profile_cards(self) -> list[tuple[Profile, Fit]]:
        """With the room that each finds at its cluster now."""
        known = fresh_nodes({profile.cluster_id for profile in self.profiles})
        return [
            (profile, fit_on(profile.cluster, profile, known.get(profile.cluster_id, [])))
            for profile in self.profiles
        ]

    @property
    def fit(self) -> Fit:
        """Of the profile that is chosen or guessed."""
        return next((fit for profile, fit in self.profile_cards if profile == self.profile), Fit())

    @property
    def command_line(self) -> str:
        """The exact command, quoted as for a shell; empty while something is missing."""
        command = self.form.command
        return shlex.join(command) if command else ""

    @property
    def priorities(self) -> list[tuple[str, str, bool]]:
        """Value, label, and whether it is chosen; the highest first."""
        chosen = self.values["priority"] or str(Priority.NORMAL.value)
        return [(str(each.value), each.label, str(each.value) == chosen) for each in reversed(Priority)]

    @property
    def may_borrow(self) -> bool:
        """One of the teams shares quota, so a job may run on what is another team's."""
        return any(team.shares_quota for team in self.offer.teams)

    @property
    def suggested_name(self) -> str:
        """What the job is called when the name stays empty."""
        return name_for(self.values["entry"]) if self.values["entry"] else ""

    @property
    def code_file(self) -> str:
        """Under which name pasted code is kept."""
        return code_path(self.draft.fields)

    @property
    def languages(self) -> list[tuple[str, str]]:
        """Endings that some environment starts, with the language's name."""
        return [(ending, name) for ending, name in LANGUAGES.items() if ending in self.offer.commands]

    @cached_property
    def start_sentence(self) -> str:
        """When it is likely to start."""
        cluster = self.cluster
        if cluster is None:
            return ""
        if cluster.unreachable_since:
            return f"{cluster.name} cannot be reached at the moment. The job waits until it can."
        if self.fit.problem:
            return f"It cannot start there. {self.fit.problem}"
        said = self._said_before
        if said and (said != AT_ONCE or self.fit.room != 0):
            return said
        waiting, running = _load_of(cluster)
        if waiting:
            beside = f", {_running(running)} now." if running else "."
            return f"{_jobs(waiting)} there before it{beside}"
        if self.fit.room == 0:
            return f"There is no room for it now: it waits until there is. {_running(running)} now."
        if running:
            return f"Nothing waits there: it should start within seconds. {_running(running)} now."
        return "Nothing waits or runs there: it should start within seconds."

    @property
    def _said_before(self) -> str:
        """What quotas and the queue say of it; "" while something is not chosen."""
        profile, team = self.profile, self.team
        if profile is None or team is None:
            return ""
        seconds = self.form.cleaned_data.get("time_limit") or settings.JOB_TIME_LIMIT_SECONDS
        names = (self.values["name"] or self.suggested_name, self.values["entry"])
        priority = int(self.form.cleaned_data.get("priority", Priority.NORMAL))
        return say_before(Ask(team.pk, self.draft.owner_id, profile, seconds, *names, priority))

    @cached_property
    def team_gauges(self) -> list[Gauge]:
        """What the chosen team has limits for, and how much of each is in use; budgets too."""
        gauges = gauges_of(self.team, with_clusters=False) if self.team else []
        return [gauge for gauge in gauges if gauge.limit is not None]

    @property
    def stops(self) -> list[str]:
        """What may end it early."""
        found = []
        if seconds := self.form.cleaned_data.get("time_limit"):
            found.append(f"It is stopped after {readable_seconds(seconds)}.")
        if profile := self.profile:
            found.append(
                f"It is stopped when it needs more than {readable_bytes(profile.memory_bytes)} of memory."
            )
            found.append(f"No file that it writes may be larger than {readable_bytes(profile.disk_bytes)}.")
        return found

    @property
    def has_own_rules(self) -> bool:
        """Somebody changed which results are kept."""
        usual = {"results_exclude": default_exclude()}
        return any(self.values[name] != usual.get(name, "") for name in RULES)

    @property
    def kept(self) -> str:
        """Which results are kept, in one sentence; empty while a rule is wrong."""
        return "" if any(name in self.form.errors for name in RULES) else self.form.result_rules.sentence

    @property
    def most_results(self) -> str:
        """The most that all results may be together."""
        return readable_bytes(most_together(self.profile.disk_bytes if self.profile else None))

    @property
    def bounds(self) -> str:
        """The limits of an upload in one sentence."""
        most = limits.from_settings()
        each, together = amount(most.max_file_bytes), amount(most.max_total_bytes)
        return f"At most {most.max_files:,} files, {each} each, {together} together."

    @property
    def max_files(self) -> int:
        """For the browser, which counts before it sends."""
        return limits.from_settings().max_files

    @property
    def max_total_bytes(self) -> int:
        """For the browser, which adds up before it sends."""
        return limits.from_settings().max_total_bytes

    @property
    def longest_time(self) -> str:
        """The longest time limit."""
        return readable_seconds(settings.JOB_TIME_LIMIT_SECONDS)


@dataclass(frozen=True)
class OtherDraft:
    """A form that waits elsewhere."""

    id: UUID
    title: str
    updated_at: datetime


def other_drafts(user: User, draft: Draft) -> list[OtherDraft]:
    """Forms with something in them that the user began and did not send, newest first."""
    begun = Draft.objects.filter(owner=user).exclude(pk=draft.pk).annotate(count=Count("bundle__files"))
    filled = [other for other in begun.order_by("-updated_at")[:20] if other.count or _title(other)]
    return [
        OtherDraft(other.pk, _title(other) or _first_file(other), other.updated_at) for other in filled[:5]
    ]


def _first_file(draft: Draft) -> str:
    return str(draft.bundle.files.order_by("path").values_list("path", flat=True).first() or "Without a name")


def _title(draft: Draft) -> str:
    named = (draft.fields.get(name) for name in ("name", "entry", "arguments", "code_name"))
    return next((str(value) for value in named if value), "Pasted code" if draft.fields.get("code") else "")


def _load_of(cluster: Cluster) -> tuple[int, int]:
    """How many jobs wait and run on the cluster, all teams' together."""
    active = Job.objects.filter(cluster=cluster, status__in=ACTIVE, deleted_at=None)
    counts = dict(active.order_by().values_list("status").annotate(Count("id")))
    running = counts.get(Status.RUNNING, 0) + counts.get(Status.FINISHING, 0)
    return counts.get(Status.QUEUED, 0) + counts.get(Status.STARTING, 0), running


def _jobs(count: int) -> str:
    return "1 job waits" if count == 1 else f"{count} jobs wait"


def _running(count: int) -> str:
    return "1 job runs" if count == 1 else f"{count} jobs run"
