"""Making jobs: from a form, from another job, from an example. However often it is asked, one key gives one job."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db import IntegrityError, transaction

from clusters.failpoints import failpoint
from clusters.models import Image, Profile
from jobs import bundles, hints
from jobs.admission import queues
from jobs.models import Blob, Bundle, BundleFile, Draft, Job, JobEvent, Kind, Priority
from jobs.result_rules import usual_rules
from jobs.retention.gone import gone_of
from jobs.search import pending
from jobs.submission import drafts
from jobs.submission.example_list import Example
from jobs.submission.forms import NewJobForm
from jobs.submission.offers import Offer, is_open_to, offer_for
from jobs.submission.pinning import pinned_reference
from jobs.submission.priorities import too_many_high
from jobs.submission.typed import name_for
from jobs.uploads.entry import command_for
from jobs.uploads.incoming import check_space, discarding, has_room, receive
from teams.models import Team, User
from teams.quota.ledger import lock_team

UNIQUE = "job_submit_once"
MOST_TRIES = 5
# Called with the new job within the transaction that makes it, last.
Note = Callable[[Job], object]


def unnoted(job: Job) -> None:
    """For those whom no audit log concerns: tests and benchmarks."""


class CannotRun(Exception):
    """The user can act: the message is a sentence and what to do."""


class NoRoom(CannotRun):
    """The portal's disk is full: what the job writes could not be kept."""

    def __init__(self) -> None:
        super().__init__(
            "The portal's disk is full, so nothing new is sent. Ask an admin to free space, then run again."
        )


class DraftGone(Exception):
    """There is neither such a form nor a job that was made of it."""


@dataclass(frozen=True)
class Submission:
    """What became of a sent form: its job, or the form with its errors."""

    job: Job | None = None
    form: NewJobForm | None = None


class _Changed(Exception):
    """The form was changed while it was being judged."""


class _LockedDraft(drafts.Loaded):
    """Within the transaction the storage is not asked: the file to start must be the one that was judged."""

    def fetch_head(self, blob: Blob) -> bytes:
        raise _Changed


def submit_draft(user: User, draft_id: UUID, note: Note = unnoted) -> Submission:
    """Freeze the form into a job, in one transaction. Sent again, the answer is the same job.

    Raises DraftGone, CannotRun (NoRoom).
    """
    for _ in range(MOST_TRIES):
        draft = drafts.find(user, draft_id)
        if draft is None:
            return Submission(job=_existing(user, draft_id))
        loaded = drafts.load(draft, offer_for(user))
        form = loaded.form()
        if not form.is_valid():
            return Submission(form=form)
        if not has_room():
            raise NoRoom
        try:
            return _submit_locked(user, draft_id, loaded.heads, note)
        except _Changed:
            continue
    raise CannotRun("The files are being changed in another tab. Wait until that has ended, then run again.")


def _submit_locked(user: User, draft_id: UUID, heads: dict[int, bytes], note: Note) -> Submission:
    try:
        with transaction.atomic():
            draft = Draft.objects.select_for_update().filter(owner=user, pk=draft_id).first()
            if draft is None:  # another tab was faster
                return Submission(job=_existing(user, draft_id))
            if (
                draft.fields.get("priority") == str(Priority.HIGH.value)
                and str(draft.fields.get("team", "")).isdecimal()
            ):
                # Two at the same moment count each other.
                lock_team(int(draft.fields["team"]))
            loaded = _LockedDraft(draft, offer_for(user), list(drafts.files_of(draft)), heads)
            form = loaded.form()
            if not form.is_valid():
                return Submission(form=form)
            job = _job_from(form, user, draft)
            Bundle.objects.filter(pk=draft.bundle_id).update(is_frozen=True)
            draft.delete()
            _create(job, note)
    except IntegrityError as error:
        return Submission(job=_existing_after(error, user, draft_id))
    return Submission(job=job)


def _job_from(form: NewJobForm, user: User, draft: Draft) -> Job:
    values = form.cleaned_data
    entry, arguments = values["entry"], values["arguments"]
    return Job(
        team=values["team"],
        owner=user,
        submit_key=draft.pk,
        made_from_id=draft.fields.get(drafts.FROM_JOB),
        name=values["name"] or name_for(entry),
        tags=values["tags"],
        bundle_id=draft.bundle_id,
        entry=entry,
        arguments=arguments,
        environment=values["environment"],
        command=command_for(entry, values["image"].entry_commands, arguments),
        time_limit_seconds=values["time_limit"],
        priority=values["priority"],
        is_preemptible=values["preemptible"],
        result_rules=form.result_rules.as_json(),
        **_snapshot(values["image"], values["profile"])
        | {"image_reference": pinned_reference(draft.fields, values["image"])},
    )


def _snapshot(image: Image, profile: Profile) -> dict[str, object]:
    return {
        "cluster": image.cluster,
        "image": image,
        "image_label": image.label,
        "image_reference": image.reference,
        "pull_secret": image.pull_secret,
        "profile": profile,
        "profile_label": profile.name,
        "cpu_millis": profile.cpu_millis,
        "memory_bytes": profile.memory_bytes,
        "disk_bytes": profile.disk_bytes,
        "max_processes": profile.max_processes,
        "gpu_count": profile.gpu_count,
        "gpu_resource": profile.gpu_resource,
        "node_labels": profile.node_labels,
        "tolerations": profile.tolerations,
    }


def run_again(user: User, job: Job, key: UUID, note: Note = unnoted) -> Job:
    """The same snapshot and files as a new job of `user`. Raises CannotRun, also where a rule deleted the files.

    Its priority is normal where the team has as many high ones as it may.
    """
    if found := Job.objects.filter(owner=user, submit_key=key).first():
        return found
    if not has_room():
        raise NoRoom
    _check_still_offered(job)
    copied = {field: getattr(job, field) for field in COPIED}
    again = Job(owner=user, submit_key=key, made_from_id=job.pk, **copied)
    try:
        with transaction.atomic():
            if again.priority == Priority.HIGH and lock_team(job.team_id) and too_many_high(job.team):
                again.priority = Priority.NORMAL
            _create(again, note)
    except IntegrityError as error:
        return _existing_after(error, user, key)
    return again


COPIED = (
    *("team_id", "name", "tags", "bundle_id", "entry", "arguments", "environment", "cluster_id", "image_id"),
    *("profile_id", "image_label", "image_reference", "profile_label", "command", "cpu_millis"),
    *("memory_bytes", "disk_bytes", "max_processes", "time_limit_seconds", "gpu_count", "gpu_resource"),
    *("node_labels", "tolerations", "pull_secret", "priority", "is_preemptible"),
    "result_rules",
)


def _check_still_offered(job: Job) -> None:
    if job.team.is_disabled:
        raise CannotRun(
            f"{job.team.name} is disabled: nothing new is sent to it. Ask an admin to enable it again."
        )
    if not job.cluster.is_enabled:
        raise CannotRun(
            f"{job.cluster.name} was switched off by an admin. Choose “Run with changes” and another."
        )
    things = (("environment", job.image, job.image_label), ("profile", job.profile, job.profile_label))
    for thing, chosen, label in things:
        if chosen is None or not chosen.is_enabled:
            what = "removed" if chosen is None else "switched off"
            raise CannotRun(
                f"The {thing} “{label}” of this job was {what} by an admin."
                " Choose “Run with changes” and another one."
            )
    if job.image is not None and not is_open_to(job.image, job.team):
        raise CannotRun(
            f"The environment “{job.image_label}” is no longer open to {job.team.name}."
            " Choose “Run with changes” and another one."
        )


def run_example(user: User, example: Example, key: UUID, note: Note = unnoted) -> Job:
    """One click makes the bundle and the job. Raises CannotRun."""
    if found := Job.objects.filter(owner=user, submit_key=key).first():
        return found
    offer = offer_for(user)
    team, image, profile = _choice_for(example, offer)
    blobs = _store_example(example)
    try:
        with transaction.atomic():
            bundle = Bundle.objects.create(is_frozen=True)
            BundleFile.objects.bulk_create(
                BundleFile(bundle=bundle, path=path, size=blob.size, blob=blob)
                for path, blob in blobs.items()
            )
            job = Job(
                team=team,
                owner=user,
                submit_key=key,
                name=example.title,
                tags=list(example.tags),
                bundle=bundle,
                entry=example.entry,
                arguments=list(example.arguments),
                command=command_for(example.entry, image.entry_commands, example.arguments),
                time_limit_seconds=EXAMPLE_SECONDS,
                result_rules=usual_rules(profile.disk_bytes).as_json(),
                **_snapshot(image, profile),
            )
            _create(job, note)
    except IntegrityError as error:
        return _existing_after(error, user, key)
    return job


EXAMPLE_SECONDS = 600


def _choice_for(example: Example, offer: Offer) -> tuple[Team, Image, Profile]:
    if not offer.teams:
        raise CannotRun("You are in no team yet. Ask an admin to add you to one.")
    image = next((image for image in offer.images if example.fits(image)), None)
    if image is None:
        raise CannotRun(f"No environment here runs {example.language}. Ask an admin to add one.")
    profile = next(iter(offer.profiles_on(image.cluster_id)), None)
    if profile is None:
        raise CannotRun(f"{image.cluster.name} has no profile to run it with. Ask an admin to add one.")
    return offer.teams_for(image)[0], image, profile


def _store_example(example: Example) -> dict[str, Blob]:
    check_space(0, example.title)
    with discarding([]) as files:
        for path, place in example.files():
            with place.open("rb") as content:
                files.append(receive(content, path))
        blobs = bundles.store(files)
        return {file.path: blobs[file.sha256] for file in files}


def _create(job: Job, note: Note) -> None:
    """Within the caller's transaction: the row, its first event, its place in the queue, after the commit the hint.

    Raises CannotRun where a rule has deleted the files that it would run with.
    """
    job.next_look_at = None  # its queue is looked at
    job.save(force_insert=True)
    # Asked after the insert, which waits for who deletes them: from here on they stay.
    if gone := gone_of(job).get(Kind.INPUTS):
        raise CannotRun(f"{gone.sentence} Choose “Run with changes” and upload them again.")
    JobEvent.objects.create(
        job=job, kind="queued", sentence=f"Submitted by {job.owner.display_name}.", data={"reason": ""}
    )
    note(job)
    pending.note([job.pk])
    queues.wake([job.team_id])
    failpoint("submit.before_commit")
    transaction.on_commit(partial(failpoint, "submit.after_commit"), robust=True)
    transaction.on_commit(partial(hints.hint_cluster, job.cluster_id), robust=True)


def _existing(user: User, key: UUID) -> Job:
    job = Job.objects.filter(owner=user, submit_key=key).first()
    if job is None:
        raise DraftGone
    return job


def _existing_after(error: IntegrityError, user: User, key: UUID) -> Job:
    """The unique constraint says that the same request was here before: its job is the answer."""
    if UNIQUE not in str(error):
        raise error
    return _existing(user, key)
