"""What a rule deleted is not found any more: paths and texts of input files leave the words of their jobs.

The jobs stay, and are found by name, tags and arguments.
"""

from uuid import UUID

from django.db import connection

from jobs.models import SearchedJob
from jobs.search.pending import LOCK
from jobs.search.words import words_of_job

WORDS_OF = "SELECT unnest(tsvector_to_array(words)) FROM jobs_searchentry WHERE id = %s"
KEEP = "UPDATE jobs_searchentry SET words = array_to_tsvector(%s::text[]) WHERE id = %s"


def forget_files(bundle_id: UUID, team_id: int) -> None:
    """In the transaction that deletes the files of the team's jobs; another team's jobs are left as they are."""
    with connection.cursor() as cursor:
        # A batch that is being written may have read the files a moment ago.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        mine = SearchedJob.objects.filter(entry__bundle=bundle_id, job__team=team_id)
        for searched in mine.order_by("entry", "job").distinct("entry").select_related("job").iterator():
            job = searched.job
            known = words_of_job(job.name, job.tags, job.arguments, ())
            cursor.execute(WORDS_OF, (searched.entry_id,))
            # team.shelf.word
            kept = [key for (key,) in cursor.fetchall() if key.split(".", 2)[2] in known]
            cursor.execute(KEEP, (kept, searched.entry_id))
