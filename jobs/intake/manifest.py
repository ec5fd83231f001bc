"""The manifest: the runner's last word. What it names and the portal has becomes visible, the rest goes."""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models.functions import Now

from jobs import hints, store
from jobs.intake import parts
from jobs.intake.bearer import IntakeRefused
from jobs.intake.reports import tell
from jobs.intake.storing import result_path
from jobs.intake.versions import versions_of
from jobs.models import Artifact, Attempt
from jobs.output import outputlog
from jobs.output.outputlog import STREAMS

SKIPPED_MAX = 2000
OTHER_BYTES = "the stored output is not what the script wrote"
# The runner's words for it, too (runner/upload.py); one of another time may not know names as we do.
SAME_NAME = "another file has the same name here"


class Stream(NamedTuple):
    """What the runner kept of a stream: its bytes without the holes, and where those are."""

    size: int
    sha256: str
    holes: list[Any]


def collect(attempt: Attempt, facts: dict[str, Any]) -> None:
    """Check the manifest against what is stored and list the results. A repeat changes nothing.

    Raises IntakeRefused: 409 with `missing`, `stdout_size`, `stderr_size` when something has to be sent first.
    """
    wanted = _results_of(facts)
    told = {stream: _stream_of(facts, stream) for stream in STREAMS}
    skipped = [*_skipped_of(facts), *_check_output(attempt, told, wanted)]
    told_once = {
        "skipped": skipped,
        "versions": versions_of(facts.get("versions")),
        # As they were just found: what is noted meanwhile may come later (growth.py).
        **{f"{stream}_size": told[stream].size for stream in STREAMS},
    }
    with transaction.atomic():
        tell(attempt, "intake.collected.after_commit")
        Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk)
        listed = _check_results(attempt, wanted)
        open_row = Attempt.objects.filter(pk=attempt.pk, collected_at=None, ended_at__isnull=False)
        if open_row.update(collected_at=Now(), **told_once):
            _list(attempt, listed)
            if doubles := _doubles(attempt, wanted, listed):
                Attempt.objects.filter(pk=attempt.pk).update(skipped=[*skipped, *doubles])
            transaction.on_commit(partial(parts.forget, attempt.pk), robust=True)
            transaction.on_commit(partial(outputlog.forget_tails, attempt.pk), robust=True)


def keep_so_far(attempt: Attempt, facts: dict[str, Any]) -> None:
    """List what the script kept while it runs, in place of what it kept before; all of it or nothing.

    What was kept before of paths that are `changing` stays: they are there, and could not be read whole now.
    Raises IntakeRefused: 409 with `missing` when something has to be sent first. After the manifest nothing changes.
    """
    wanted, changing = _results_of(facts), _changing_of(facts)
    with transaction.atomic():
        if Attempt.objects.select_for_update(no_key=True).get(pk=attempt.pk).collected_at is not None:
            return
        _list(attempt, _check_results(attempt, wanted), changing)
        Attempt.objects.filter(pk=attempt.pk).update(kept_at=Now())
        transaction.on_commit(partial(hints.announce, attempt.job_id, "status"), robust=True)


def _check_output(
    attempt: Attempt, told: dict[str, Stream], wanted: dict[str, set[str]]
) -> list[dict[str, str]]:
    """All of it is there (else IntakeRefused); flags for streams whose bytes differ."""
    stored = outputlog.sizes(attempt.pk)
    sizes = {"stdout": stored.stdout, "stderr": stored.stderr}
    if any(told[stream].size != sizes[stream] for stream in STREAMS):
        missing = sorted(set(wanted) - _stored_paths(attempt, wanted))
        raise _incomplete(attempt, missing)
    known = outputlog.extents(attempt.pk)
    return [
        {"path": f"{stream}.log", "why": OTHER_BYTES}
        for stream in STREAMS
        if (sizes[stream] and _hash_of(attempt, stream) != told[stream].sha256)
        or [list(hole) for hole in known[stream].holes] != told[stream].holes
    ]


def _check_results(attempt: Attempt, wanted: dict[str, set[str]]) -> dict[str, set[str]]:
    """The hashes of all results by the paths under which they are kept. Raises IntakeRefused when some are missing."""
    stored = _stored_paths(attempt, wanted)
    if missing := sorted(set(wanted) - stored):
        raise _incomplete(attempt, missing)
    kept: dict[str, set[str]] = {}
    for path, hashes in wanted.items():
        kept.setdefault(result_path(path), set()).update(hashes)
    return kept


def _stored_paths(attempt: Attempt, wanted: dict[str, set[str]]) -> set[str]:
    """Those of the wanted paths (as the runner spells them) whose content is stored.

    Two spellings of one name are one file here; it is enough that either of them is stored.
    """
    stored: dict[str, set[str]] = {}
    for path, sha256 in Artifact.objects.filter(attempt=attempt).values_list("path", "sha256"):
        stored.setdefault(path, set()).add(sha256)
    hashes: dict[str, set[str]] = {}
    for path, known in wanted.items():
        hashes.setdefault(result_path(path), set()).update(known)
    return {path for path in wanted if stored.get(kept := result_path(path), set()) & hashes[kept]}


def _incomplete(attempt: Attempt, missing: list[str]) -> IntakeRefused:
    stored = outputlog.sizes(attempt.pk)
    return IntakeRefused(
        409,
        "Something that the manifest names is not here yet; send it and repeat.",
        missing=missing,
        stdout_size=stored.stdout,
        stderr_size=stored.stderr,
    )


def _list(attempt: Attempt, wanted: dict[str, set[str]], changing: frozenset[str] = frozenset()) -> None:
    """Show what the manifest named, all at once; forget the rest, content last. What is shown and `changing` stays."""
    rest: dict[int, str] = {}
    shown: set[str] = set()
    # What was sent last comes first: two contents of a path with the same hash are one too many.
    for artifact in attempt.artifacts.order_by("is_listed"):
        is_named = artifact.sha256 in wanted.get(artifact.path, ())
        stays = artifact.is_listed and artifact.path in changing
        if (is_named or stays) and artifact.path not in shown:
            shown.add(artifact.path)
        else:
            rest[artifact.pk] = artifact.key
    Artifact.objects.filter(pk__in=rest).delete()
    attempt.artifacts.filter(is_listed=False).update(is_listed=True)
    for key in rest.values():
        transaction.on_commit(partial(store.delete, key), robust=True)


def _doubles(
    attempt: Attempt, wanted: dict[str, set[str]], listed: dict[str, set[str]]
) -> list[dict[str, str]]:
    """Of several files that have one name here, those that are not the one that is kept, each with why."""
    if len(wanted) == len(listed):
        return []
    shown = dict(attempt.artifacts.values_list("path", "sha256"))
    first: dict[str, str] = {}
    found = []
    # The one whose content it is comes first, and of those the one that is spelled so.
    by_name = [(result_path(path), path) for path in wanted]
    by_name.sort(key=lambda pair: (shown.get(pair[0]) not in wanted[pair[1]], pair[0] != pair[1]))
    for name, path in by_name:
        if first.setdefault(name, path) != path:
            found.append({"path": path, "why": f"{SAME_NAME}: {first[name]}"})
    return found[:SKIPPED_MAX]


def _hash_of(attempt: Attempt, stream: str) -> str:
    with (outputlog.folder_of(attempt.pk) / f"{stream}.log").open("rb") as log:
        return hashlib.file_digest(log, "sha256").hexdigest()


def _results_of(facts: dict[str, Any]) -> dict[str, set[str]]:
    """Path as the runner spells it: its hash. Raises IntakeRefused (400)."""
    results: dict[str, set[str]] = {}
    for result in _list_of(facts, "results"):
        path, sha256 = result.get("path"), result.get("sha256")
        if not isinstance(path, str) or not isinstance(sha256, str):
            raise IntakeRefused(400, "A result in the manifest needs its path and its sha256.")
        result_path(path)
        results[path] = {sha256}
    return results


def _changing_of(facts: dict[str, Any]) -> frozenset[str]:
    """Under the names by which they are kept; of a name that is refused nothing is. Raises IntakeRefused (400)."""
    told = facts.get("changing", [])
    if not isinstance(told, list) or not all(isinstance(path, str) for path in told):
        raise IntakeRefused(400, "What is changing has to be a list of paths.")
    paths = set()
    for path in told:
        with suppress(IntakeRefused):
            paths.add(result_path(path))
    return frozenset(paths)


def _stream_of(facts: dict[str, Any], stream: str) -> Stream:
    told = facts.get(stream)
    size = told.get("size") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(size, int):
        raise IntakeRefused(400, f"The manifest has to tell size and sha256 of {stream}.")
    return Stream(size, str(told.get("sha256")), told.get("holes") or [])


def _skipped_of(facts: dict[str, Any]) -> Iterable[dict[str, str]]:
    """What the runner left out, without characters that a database text cannot hold."""
    for entry in _list_of(facts, "skipped")[:SKIPPED_MAX]:
        yield {name: str(entry.get(name, "")).replace("\0", "\\0") for name in ("path", "why")}


def _list_of(facts: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = facts.get(name)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise IntakeRefused(400, f"The manifest's {name} have to be a list of objects.")
    return found
