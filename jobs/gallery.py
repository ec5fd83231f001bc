"""The pictures among a job's results, a page of them at a time: by keyset, however many there are.

A PDF counts as one: plots of R are PDFs where the script does not say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from jobs.models import Artifact, Attempt
from jobs.previews.kinds import KINDS
from jobs.results import listed

PAGE_PICTURES = 48
PICTURES = rf"\.({'|'.join(suffix[1:] for suffix in (*KINDS['image'], *KINDS['pdf']))})$"


@dataclass(frozen=True)
class GalleryPage:
    """`previous` and `next` are the pictures before and after which the neighbouring pages stand; None at an end."""

    pictures: Sequence[Artifact]
    previous: int | None
    next: int | None


def pictures_of(attempt: Attempt | None) -> QuerySet[Artifact]:
    """The attempt's pictures by path."""
    return listed(attempt).filter(path__iregex=PICTURES)


def has_pictures(attempt: Attempt | None) -> bool:
    """Whether there is a gallery to go to."""
    return pictures_of(attempt).exists()


def page_of(attempt: Attempt | None, after: str = "", before: str = "") -> GalleryPage:
    """The first pictures, those after the one with the id `after`, or the last ones before the id `before`.

    An id that is none of the attempt's pictures gives the first page.
    """
    pictures = pictures_of(attempt)
    if before and (path := _path(pictures, before)):
        found = list(pictures.filter(path__lt=path).order_by("-path")[: PAGE_PICTURES + 1])
        shown = found[:PAGE_PICTURES][::-1]
        return _page(shown, has_previous=len(found) > PAGE_PICTURES, has_next=bool(shown))
    path = _path(pictures, after) if after else ""
    found = list((pictures.filter(path__gt=path) if path else pictures)[: PAGE_PICTURES + 1])
    return _page(found[:PAGE_PICTURES], has_previous=bool(path), has_next=len(found) > PAGE_PICTURES)


def _page(shown: Sequence[Artifact], *, has_previous: bool, has_next: bool) -> GalleryPage:
    first, last = (shown[0].pk, shown[-1].pk) if shown else (None, None)
    return GalleryPage(shown, first if has_previous else None, last if has_next else None)


def _path(pictures: QuerySet[Artifact], picture_id: str) -> str:
    if not (picture_id.isascii() and picture_id.isdecimal() and len(picture_id) < 19):
        return ""
    return pictures.filter(pk=int(picture_id)).values_list("path", flat=True).first() or ""
