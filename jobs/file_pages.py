"""A page of result files at a time, by keyset over their paths: as fast at the end as at the start, however many."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from jobs.models import Artifact


@dataclass(frozen=True)
class FilesPage:
    """`previous` and `next` are the files before and after which the neighbouring pages stand; None at an end."""

    files: Sequence[Artifact]
    previous: int | None
    next: int | None


def page_of(files: QuerySet[Artifact], size: int, after: int = 0, before: int = 0) -> FilesPage:
    """At most `size` of `files`: the first ones, or those beside the file with the id `after` or `before`; 0 is none.

    The first page where an id is none of theirs, nothing is after it, or no whole page is before it.
    """
    files = files.order_by("path")
    if before and (path := _path(files, before)):
        found = list(files.filter(path__lt=path).order_by("-path")[: size + 1])
        if len(found) >= size:
            shown = found[:size][::-1]
            return FilesPage(shown, shown[0].pk if len(found) > size else None, shown[-1].pk)
    path = _path(files, after) if after else ""
    found = list((files.filter(path__gt=path) if path else files)[: size + 1])
    if path and not found:
        return page_of(files, size)
    shown, has_next = found[:size], len(found) > size
    return FilesPage(shown, shown[0].pk if path else None, shown[-1].pk if has_next else None)


def _path(files: QuerySet[Artifact], file_id: int) -> str:
    return files.filter(pk=file_id).values_list("path", flat=True).first() or ""
