"""Forms that were not sent yet: found, saved as typed, filled with files, read back with what can be guessed."""

import io
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from uuid import UUID

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from jobs import bundles
from jobs.models import Blob, Bundle, BundleFile, Draft, Job
from jobs.result_rules import most_together, rules_of
from jobs.submission import typed
from jobs.submission.forms import NAMES, NewJobForm, default_exclude, default_time_limit
from jobs.submission.offers import Offer
from jobs.submission.typed_rules import size_text
from jobs.uploads import limits
from jobs.uploads.entry import guess_entry_file
from jobs.uploads.fitting import fit
from jobs.uploads.incoming import receive
from jobs.uploads.paths import clean_path
from jobs.uploads.refusal import UploadRefused, visible
from jobs.uploads.unpacked import Source
from teams.models import Team, User

CODE_NAMES = ("code", "code_name", "code_language")
# Posted as shown, these three are only a choice when they differ from what was guessed for the page.
GUESSED = ("image", "profile", "entry")
# What is there only because somebody typed it.
TYPED = ("name", "arguments", "tags", "environment", "code", "code_name")
FROM_JOB = "from_job"
MAX_CODE_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024


def resume_or_create(user: User) -> Draft:
    """The newest form that `user` began and did not send; changes to an older job are not resumed unasked."""
    begun = Draft.objects.filter(owner=user).exclude(fields__has_key=FROM_JOB)
    return begun.order_by("-updated_at").first() or create(user, {})


def create(user: User, fields: Mapping[str, object], source: Bundle | None = None) -> Draft:
    """A new form, with the files of `source`. Raises ContentGone."""
    with transaction.atomic():
        bundle = Bundle.objects.create()
        if source is not None:
            bundles.share_files(source, bundle)
        return Draft.objects.create(owner=user, bundle=bundle, fields=dict(fields))


def from_job(user: User, job: Job) -> Draft:
    """A form that would run `job` as it was, to be changed. Raises ContentGone."""
    fields = {
        "team": str(job.team_id),
        "image": str(job.image_id or ""),
        "profile": str(job.profile_id or ""),
        "entry": job.entry,
        "arguments": shlex.join(job.arguments),
        "environment": "\n".join(f"{name}={value}" for name, value in job.environment.items()),
        "time_limit": typed.time_limit_text(job.time_limit_seconds),
        "name": job.name,
        "tags": ", ".join(job.tags),
        "priority": str(job.priority),
        "preemptible": "yes" if job.is_preemptible else "",
        **typed_rules(job),
        FROM_JOB: job.pk,
    }
    return create(user, fields, job.bundle)


def typed_rules(job: Job) -> dict[str, str]:
    """Which results are kept, as the form's fields have it."""
    rules = rules_of(job.result_rules, job.disk_bytes)
    has_own_size = rules.total_bytes != most_together(job.disk_bytes)
    return {
        "results_include": ", ".join(rules.include),
        "results_exclude": ", ".join(rules.exclude),
        "results_file_size": size_text(rules.file_bytes) if rules.file_bytes is not None else "",
        "results_size": size_text(rules.total_bytes) if has_own_size else "",
    }


def find(user: User, draft_id: UUID) -> Draft | None:
    """The user's own form, with its bundle."""
    return Draft.objects.filter(owner=user, pk=draft_id).select_related("bundle").first()


def job_of(user: User, draft_id: UUID) -> Job | None:
    """The job that was made of the form; also one that was deleted since."""
    return Job.objects.filter(owner=user, submit_key=draft_id).first()


def save_fields(draft_id: UUID, posted: QueryDict) -> None:
    """Keep the fields that `posted` has, as typed; the others stay. A form that was sent meanwhile stays sent."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(pk=draft_id).first()
        if draft is None:
            return
        draft.fields |= _as_typed(posted)
        draft.save(update_fields=["fields", "updated_at"])


def _as_typed(posted: QueryDict) -> dict[str, str]:
    # PostgreSQL's JSON has no NUL.
    typed_now = {
        name: str(posted[name]).replace("\0", "") for name in (*NAMES, *CODE_NAMES) if name in posted
    }
    for name in GUESSED:
        if name in typed_now and typed_now[name] == posted.get(f"guessed_{name}"):
            typed_now[name] = ""
    return typed_now


def is_empty(draft: Draft) -> bool:
    """Whether there is nothing in the form that anybody would miss."""
    return not any(draft.fields.get(name) for name in TYPED) and not draft.bundle.files.exists()


def add_files(draft_id: UUID, sources: list[Source]) -> None:
    """Keep the files of every source that fits; a source that does not fit is refused as a whole, with its reason."""
    draft = Draft.objects.filter(pk=draft_id).select_related("bundle").first()
    if draft is None:
        return
    bounds = limits.from_settings()
    fit(sources, _sizes(draft.bundle), bounds)
    blobs = bundles.store(file for source in sources for file in source.files)
    with transaction.atomic():
        if not Draft.objects.select_for_update().filter(pk=draft_id).exists():
            return
        fit(sources, _sizes(draft.bundle), bounds)
        new = {file.path: file for source in sources for file in source.files}
        draft.bundle.files.filter(path__in=new).delete()
        BundleFile.objects.bulk_create(
            BundleFile(bundle=draft.bundle, path=path, size=file.size, blob=blobs[file.sha256])
            for path, file in new.items()
        )
        Draft.objects.filter(pk=draft_id).update(updated_at=timezone.now())


def _sizes(bundle: Bundle) -> dict[str, int]:
    return dict(bundle.files.values_list("path", "size"))


def add_code(draft: Draft) -> Source | None:
    """Keep the pasted code as a file; None where nothing was pasted. Refused, it stays in its field."""
    code = str(draft.fields.get("code", ""))
    if not code.strip():
        return None
    source = Source("The pasted code")
    try:
        path = clean_path(code_path(draft.fields), limits.from_settings())
        content = code.replace("\r\n", "\n").encode()
        if len(content) > MAX_CODE_BYTES:
            raise UploadRefused(path, "The pasted code is longer than 1 MiB.", "Upload it as a file.")
        source.files = [receive(io.BytesIO(content), path)]
    except UploadRefused as refused:
        source.refuse(refused)
        return source
    try:
        add_files(draft.pk, [source])
    finally:
        for file in source.files:
            file.discard()
    if source.refused is None:
        save_fields(draft.pk, _cleared_code())
    return source


def code_path(fields: Mapping[str, object]) -> str:
    """The file name for pasted code: as typed, with the language's ending where it has none."""
    name = str(fields.get("code_name", "")).strip() or "main"
    suffix = str(fields.get("code_language", "")) or ".py"
    return name if PurePosixPath(name.replace("\\", "/")).suffix else name + suffix


def _cleared_code() -> QueryDict:
    empty = QueryDict(mutable=True)
    empty.update({"code": "", "code_name": ""})
    return empty


def open_in_editor(draft: Draft, path: str) -> str:
    """Put an uploaded text file into the code field, to be changed. A sentence where that cannot be."""
    file = draft.bundle.files.select_related("blob").filter(path=path.replace("\0", "")).first()
    if file is None:
        return f"“{visible(path)}” is no longer among the files."
    if str(draft.fields.get("code", "")).strip():
        return "There is code in the field already. Add it to the files first, or empty the field."
    if file.size > MAX_CODE_BYTES:
        return f"“{visible(path)}” is too large to be changed here. Change it in your editor and upload it again."
    try:
        text = bundles.read_head(file.blob.key, MAX_CODE_BYTES).decode()
    except UnicodeDecodeError:
        return f"“{visible(path)}” is not text in UTF-8. Change it in your editor and upload it again."
    if "\0" in text:
        return f"“{visible(path)}” holds binary data, which cannot be changed here."
    fields = QueryDict(mutable=True)
    fields.update({"code": text, "code_name": path})
    save_fields(draft.pk, fields)
    return ""


def remove_files(draft_id: UUID, path: str | None) -> None:
    """Remove a file, a folder (`path` ends with "/") or, with None, all files."""
    with transaction.atomic():
        draft = Draft.objects.select_for_update().filter(pk=draft_id).first()
        if draft is None:
            return
        files = draft.bundle.files.all()
        if path is not None:
            path = path.replace("\0", "")
            files = files.filter(path__startswith=path) if path.endswith("/") else files.filter(path=path)
        files.delete()
        draft.save(update_fields=["updated_at"])


@dataclass
class Loaded:
    """A draft as it is now: its files, what was typed and what is guessed for the rest."""

    draft: Draft
    offer: Offer
    files: list[BundleFile]
    heads: dict[int, bytes] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        """Sorted."""
        return [file.path for file in self.files]

    @property
    def team(self) -> Team | None:
        """The one that is chosen, else the user's first."""
        chosen = str(self.draft.fields.get("team") or "")
        return self.offer.team(chosen) if chosen else next(iter(self.offer.teams), None)

    def guesses(self) -> dict[str, str]:
        """Environment, profile and entry for the fields that nobody chose."""
        typed_now = self.draft.fields
        image = self.offer.image(str(typed_now.get("image", "")))
        commands = image.entry_commands if image else self.offer.commands
        guessed_entry = guess_entry_file(self.paths, commands) or (
            self.paths[0] if len(self.files) == 1 else ""
        )
        entry = str(typed_now.get("entry") or guessed_entry)
        guessed_image = self.offer.image_for(PurePosixPath(entry).suffix, self.team)
        image = image or guessed_image
        profiles = self.offer.profiles_on(image.cluster_id) if image else []
        return {
            "entry": guessed_entry,
            "image": str(guessed_image.pk) if guessed_image else "",
            "profile": str(profiles[0].pk) if profiles else "",
        }

    def values(self) -> dict[str, str]:
        """What the fields hold: as typed, else as guessed."""
        values = {name: str(self.draft.fields.get(name, "")) for name in NAMES}
        guesses = self.guesses() | {"team": str(self.offer.teams[0].pk) if self.offer.teams else ""}
        if "time_limit" not in self.draft.fields:
            guesses["time_limit"] = default_time_limit()
        if "results_exclude" not in self.draft.fields:
            guesses["results_exclude"] = default_exclude()
        return {name: value or guesses.get(name, "") for name, value in values.items()}

    def form(self) -> NewJobForm:
        """The form over these values."""
        return NewJobForm(self.values(), self.offer, self.paths, self.read_head)

    def read_head(self, path: str) -> bytes:
        """The first bytes of a file; read from the storage once."""
        blob = next(file.blob for file in self.files if file.path == path)
        if blob.pk not in self.heads:
            self.heads[blob.pk] = self.fetch_head(blob)
        return self.heads[blob.pk]

    def fetch_head(self, blob: Blob) -> bytes:
        """Overridden where the storage may not be asked."""
        return bundles.read_head(blob.key, HEAD_BYTES)


def load(draft: Draft, offer: Offer) -> Loaded:
    """Read what the draft holds now."""
    return Loaded(draft, offer, list(files_of(draft)))


def files_of(draft: Draft) -> Iterable[BundleFile]:
    """Its files with their blobs, sorted by path."""
    return draft.bundle.files.select_related("blob").order_by("path")
