"""The people and things that tests are about (style, rule 23), made straight from the models.

Alice owns, Bob is in her team, Charlie is not and must see nothing, Dana administers, Maria manages the team,
Manfred manages Charlie's, Otto audits.
"""

import hashlib
import itertools
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from clusters.models import Cluster, Image, Profile
from jobs.lifecycle import TERMINAL
from jobs.models import Artifact, Attempt, Blob, Bundle, BundleFile, Job
from jobs.search import pending
from teams.models import Membership, Role, Team, User

PASSWORD = "correct horse battery"
SCRIPT = b"print('hello')\n"
GIB = 1024**3
_numbers = itertools.count(1)
PHASES = {
    "queued": [],
    "starting": ["starting_at"],
    "running": ["starting_at", "running_at"],
    "finishing": ["starting_at", "running_at", "finishing_at"],
}


def new_user(username: str, *teams: Team, role: Role = Role.ANALYST, **fields: Any) -> User:
    """A user with the password PASSWORD, a member of `teams`."""
    user = User.objects.create_user(username, f"{username}@example.org", PASSWORD, **fields)
    Membership.objects.bulk_create(Membership(user=user, team=team, role=role) for team in teams)
    return user


def new_cluster(slug: str = "this-machine", name: str = "This machine") -> Cluster:
    return Cluster.objects.create(name=name, slug=slug, driver="local")


def new_image(cluster: Cluster, **fields: Any) -> Image:
    fields = {
        "label": "Python 3",
        "reference": "local/python",
        "entry_commands": {".py": ["python3", "-u"]},
    } | fields
    return Image.objects.create(cluster=cluster, **fields)


def new_profile(cluster: Cluster, **fields: Any) -> Profile:
    fields = {"name": "Small", "cpu_millis": 1000, "memory_bytes": 2 * GIB, "disk_bytes": 5 * GIB} | fields
    return Profile.objects.create(cluster=cluster, **fields)


def new_blob(content: bytes = SCRIPT) -> Blob:
    """The content, really stored; the same content again is the same blob."""
    sha256 = hashlib.sha256(content).hexdigest()
    blob = Blob.objects.filter(sha256=sha256).first()
    if blob is None:
        key = default_storage.save(f"blobs/{sha256[:2]}/{sha256}", ContentFile(content))
        blob = Blob.objects.create(sha256=sha256, size=len(content), key=key, touched_at=timezone.now())
    return blob


def new_bundle(files: dict[str, bytes] | None = None, **fields: Any) -> Bundle:
    """A frozen bundle of `files` (path: content)."""
    bundle = Bundle.objects.create(**{"is_frozen": True} | fields)
    for path, content in (files or {"main.py": SCRIPT}).items():
        BundleFile.objects.create(bundle=bundle, path=path, size=len(content), blob=new_blob(content))
    return bundle


def new_job(
    owner: User, team: Team, image: Image, profile: Profile, *, status: str = "queued", **fields: Any
) -> Job:
    """A job in `status` with the phase times that belong to it; `files={path: content}` fills its bundle."""
    now = timezone.now()
    entry = fields.get("entry", "main.py")
    bundle = fields.pop("bundle", None) or new_bundle(fields.pop("files", None) or {entry: SCRIPT})
    begun = PHASES.get(status, PHASES["finishing"])
    defaults: dict[str, Any] = {
        "name": f"job {next(_numbers)}",
        "entry": entry,
        "command": ["python3", "-u", entry],
        "bundle": bundle,
        "cluster": image.cluster,
        "image": image,
        "image_label": image.label,
        "image_reference": image.reference,
        "profile": profile,
        "profile_label": profile.name,
        "cpu_millis": profile.cpu_millis,
        "memory_bytes": profile.memory_bytes,
        "disk_bytes": profile.disk_bytes,
        "max_processes": profile.max_processes,
        "time_limit_seconds": 3600,
        **dict.fromkeys(begun, now),
    }
    if status in TERMINAL:
        exit_code = {"succeeded": 0, "failed": 1}.get(status)
        defaults |= {"finished_at": now, "next_look_at": None, "exit_code": exit_code}
    job = Job.objects.create(owner=owner, team=team, status=status, **defaults | fields)
    pending.note([job.pk])
    job.refresh_from_db()
    return job


def new_attempt(job: Job, **fields: Any) -> Attempt:
    """The job's next attempt, confirmed by the cluster unless `created_at` says otherwise."""
    number = job.attempts.count() + 1
    defaults = {"number": number, "name": f"sw-test-{job.pk}-{number}", "created_at": timezone.now()}
    attempt = Attempt.objects.create(job=job, **defaults | fields)
    attempt.refresh_from_db()
    return attempt


def new_artifact(attempt: Attempt, path: str, content: bytes = b"x\n", **fields: Any) -> Artifact:
    """A listed result file of the attempt, its content really stored."""
    if "key" not in fields:
        fields["key"] = default_storage.save(f"results/{attempt.pk}/{uuid.uuid4().hex}", ContentFile(content))
    defaults = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "is_listed": True}
    artifact = Artifact.objects.create(attempt=attempt, path=path, **defaults | fields)
    artifact.refresh_from_db()
    return artifact
