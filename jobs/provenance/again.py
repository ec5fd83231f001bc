"""From a capsule to a filled form: exactly what ran, and in words what is not to be had here."""

import re
import shlex
from dataclasses import dataclass, field

from django.conf import settings

from clusters.models import Image, Profile
from jobs.models import Attempt, Draft, Priority
from jobs.provenance.capsule import RULES
from jobs.provenance.opening import Opened
from jobs.submission import drafts, typed
from jobs.submission.offers import Offer, is_open_to
from jobs.submission.pinning import PINNED, PINNED_REFERENCE
from jobs.uploads.entry import command_for, known_suffix
from jobs.uploads.refusal import visible
from jobs.uploads.unpacked import Source
from teams.models import Team, User

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LONGEST = 100_000
SIZES = ("cpu_millis", "memory_bytes", "disk_bytes", "max_processes", "gpu_count", "gpu_resource")
NODES = ("node_labels", "tolerations")


@dataclass
class Filled:
    """The form's fields, and a sentence for everything that is not as it was."""

    fields: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def draft_of(user: User, opened: Opened, offer: Offer) -> tuple[Draft, list[str]]:
    """A new form with the capsule's files and values; what is not available here is left to be chosen."""
    filled = _filled(opened, offer)
    draft = drafts.create(user, filled.fields)
    source = Source("The capsule", list(opened.files))
    drafts.add_files(draft.pk, [source])
    if source.refused:
        filled.notes.append(f"{source.refused.sentence} {source.refused.advice}")
    return draft, filled.notes


def _filled(opened: Opened, offer: Offer) -> Filled:
    filled = Filled()
    team = next((each for each in offer.teams if each.name == opened.text("who", "team")), None)
    if team is None and offer.teams:
        filled.notes.append(
            f"It ran for the team “{visible(opened.text('who', 'team'))}”, which is not yours."
        )
    image = _image(opened, offer, team, filled)
    profile = _profile(opened, offer, image, filled)
    _pin(opened, image, filled)
    seconds = opened.capsule.get("time_limit_seconds")
    if isinstance(seconds, int) and 0 < seconds <= settings.JOB_TIME_LIMIT_SECONDS:
        filled.fields["time_limit"] = typed.time_limit_text(seconds)
    else:
        filled.notes.append("Its time limit is not allowed here.")
    filled.fields |= {
        "team": str(team.pk) if team else "",
        "image": str(image.pk) if image else "",
        "profile": str(profile.pk) if profile else "",
        "entry": opened.text("entry")[:LONGEST],
        "arguments": shlex.join(opened.texts("arguments"))[:LONGEST],
        "environment": _variables(opened, filled)[:LONGEST],
        "name": opened.text("job", "name")[: typed.MAX_NAME],
    }
    _fill_wishes(opened, filled)
    _check_command(opened, image, filled)
    return filled


def _fill_wishes(opened: Opened, filled: Filled) -> None:
    """How it waits, how it is found, and which results are kept; the form judges them as if they were typed."""
    priorities = {str(each.label): str(each.value) for each in Priority}
    filled.fields |= {
        "tags": ", ".join(opened.texts("job", "tags"))[:LONGEST],
        "priority": priorities.get(opened.text("priority"), ""),
        "preemptible": "yes" if opened.capsule.get("preemptible") is True else "",
    }
    if isinstance(opened.capsule.get("results"), dict):  # one of before has none: as the settings say
        for name in ("include", "exclude", "file_size", "size"):
            filled.fields[RULES + name] = opened.text("results", name)[:LONGEST]


def _image(opened: Opened, offer: Offer, team: Team | None, filled: Filled) -> Image | None:
    """One with the same reference, by its label where there are several. Never one that is merely alike."""
    reference = opened.text("image", "reference").partition("@")[0]
    label, cluster = opened.text("image", "label"), opened.text("where", "cluster")
    fitting = [each for each in offer.images if each.reference.partition("@")[0] == reference]
    fitting = [each for each in fitting if team is None or is_open_to(each, team)]
    fitting.sort(key=lambda each: (each.label != label, each.cluster.name != cluster))
    if fitting:
        return fitting[0]
    filled.notes.append(
        f"Its image {visible(reference) or '(none)'} is in no environment that you may use here: choose one."
    )
    return None


def _profile(opened: Opened, offer: Offer, image: Image | None, filled: Filled) -> Profile | None:
    label = opened.text("profile", "label")
    offered = offer.profiles_on(image.cluster_id) if image else []
    profile = next((each for each in offered if each.name == label), None)
    if profile is None:
        filled.notes.append(f"The profile “{visible(label)}” is not offered there: choose one.")
        return None
    told = opened.capsule.get("profile")
    known = told if isinstance(told, dict) else {}  # one of before has fewer of them
    if any(known[name] != getattr(profile, name) for name in SIZES if name in known):
        filled.notes.append(
            f"The profile “{visible(label)}” has other sizes by now than it had for that run."
        )
    if any(known[name] != getattr(profile, name) for name in NODES if name in known):
        filled.notes.append(f"The profile “{visible(label)}” runs on other nodes by now than it did then.")
    return profile


def _pin(opened: Opened, image: Image | None, filled: Filled) -> None:
    """Only a digest that this portal has seen run for that very image: a capsule's word alone brings in no other."""
    digest = opened.text("image", "digest")
    if image is None or "@" in image.reference:
        if image and digest and not image.reference.endswith(digest):
            filled.notes.append(
                "The environment has another image by now: its digest is not the one that ran."
            )
        return
    if not DIGEST.fullmatch(digest):
        filled.notes.append("The image’s digest is not known: it runs with what the environment has now.")
        return
    seen = Attempt.objects.filter(image_digest=digest)
    references = (image.reference, f"{image.reference}@{digest}")
    if seen.filter(job__image_reference__in=references, job__cluster_id=image.cluster_id).exists():
        filled.fields |= {PINNED: digest, PINNED_REFERENCE: image.reference}
    else:
        filled.notes.append(
            "This portal never ran the image with that digest: it runs with what the environment has now."
        )


def _variables(opened: Opened, filled: Filled) -> str:
    told = opened.capsule.get("environment")
    lines = []
    for name, value in told.items() if isinstance(told, dict) else ():
        if not isinstance(value, str) or "\n" in value or "\r" in value:
            filled.notes.append(f"The value of the variable {visible(name)} has several lines: give it anew.")
        else:
            lines.append(f"{name}={value}".replace("\0", "").encode("utf-8", "replace").decode())
    if hidden := opened.texts("environment_hidden"):
        names = ", ".join(map(visible, hidden[:20]))
        filled.notes.append(
            f"Values that look like secrets are not in a capsule. Give them under More, Environment variables: {names}."
        )
    return "\n".join(lines)


def _check_command(opened: Opened, image: Image | None, filled: Filled) -> None:
    entry = opened.text("entry")
    suffix = f".{entry.rpartition('.')[2]}" if "." in entry else ""
    if image is None or known_suffix(suffix, image.entry_commands) is None:
        return
    command = command_for(entry, image.entry_commands, opened.texts("arguments"))
    if command != opened.texts("command"):
        before = visible(shlex.join(opened.texts("command")))[:300]
        filled.notes.append(f"The environment starts scripts in another way by now. It ran as: {before}")
