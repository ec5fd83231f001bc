"""The pictures among a job's results, a page of them at a time.

A PDF counts as one: plots of R are PDFs where the script does not say otherwise.
"""

from django.db.models import QuerySet

from jobs.file_pages import FilesPage, page_of
from jobs.models import Artifact, Attempt
from jobs.previews.kinds import KINDS
from jobs.results import listed

PAGE_PICTURES = 48
PICTURES = rf"\.({'|'.join(suffix[1:] for suffix in (*KINDS['image'], *KINDS['pdf']))})$"


def pictures_of(attempt: Attempt | None) -> QuerySet[Artifact]:
    """The attempt's pictures by path."""
    return listed(attempt).filter(path__iregex=PICTURES)


def has_pictures(attempt: Attempt | None) -> bool:
    """Whether there is a gallery to go to."""
    return pictures_of(attempt).exists()


def pictures_page(attempt: Attempt | None, after: int = 0, before: int = 0) -> FilesPage:
    """The first pictures, or those beside the picture with the id `after` or `before`; 0 is none."""
    return page_of(pictures_of(attempt), PAGE_PICTURES, after, before)
