"""For the jobs of a page: where the search was found in each. One statement, bounded."""

from collections.abc import Sequence

from jobs.history.sql import Sql, run
from jobs.models import Job
from jobs.search.places import Given, find_hits, is_in_name_or_tags
from jobs.search.query import Search, Term

# So many characters of all scripts of a page are read, and of a job's arguments.
MOST_TEXT, MOST_ARGUMENTS = 1_500_000, 4_000
# A script that ran many times is read once. Arguments come in one piece: they are short, or cut.
READ = """
WITH files AS MATERIALIZED (
    SELECT f.bundle_id, f.path, f.blob_id, length(t.text) AS size
    FROM jobs_bundlefile f LEFT JOIN jobs_scripttext t ON t.blob_id = f.blob_id
    WHERE f.bundle_id IN (SELECT bundle_id FROM jobs_job WHERE id = ANY(%s))
), bounded AS (
    SELECT *, sum(coalesce(size, 0)) OVER (ORDER BY bundle_id, path) AS so_far FROM files
)
SELECT bundle_id::text, path, (
    SELECT text FROM jobs_scripttext t WHERE t.blob_id = b.blob_id AND so_far <= %s
) FROM bounded b
UNION ALL
SELECT id::text, bundle_id::text, left(array_to_string(arguments, E'\\x1f'), %s) FROM jobs_job WHERE id = ANY(%s)
"""


def tell_where(jobs: Sequence[Job], search: Search) -> None:
    """Give each job its `hits`, and `name_hit` for what is marked in its name.

    Nothing is read where names and tags say it all.
    """
    terms = search.places
    unknown = [job.pk for job in jobs if not _is_told(job, terms)]
    files: dict[str, dict[str, str]] = {}
    arguments: dict[int, tuple[str, list[str]]] = {}
    if unknown:
        for key, path, text in run(Sql(READ, (unknown, MOST_TEXT, MOST_ARGUMENTS, unknown))):
            if key.isdigit():
                arguments[int(key)] = (path, text.split("\x1f") if text else [])
            else:
                files.setdefault(key, {})[path] = text or ""
    for job in jobs:
        bundle, given = arguments.get(job.pk, ("", []))
        hits = find_hits(Given(job.name, job.tags, given, files.get(bundle, {})), terms)
        job.name_hit = next((hit for hit in hits if hit.where == "Name"), None)
        job.hits = [hit for hit in hits if hit is not job.name_hit]


def _is_told(job: Job, terms: Sequence[Term]) -> bool:
    return all(is_in_name_or_tags(job.name, job.tags, term) for term in terms)
