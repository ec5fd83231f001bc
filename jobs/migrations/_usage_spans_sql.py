"""Quarters and years of teams and people, from the months that are there. What is counted from now on has them."""

FILL = """
WITH months AS (
    SELECT *, date_trunc('{span}', day)::date AS first FROM jobs_usagesum WHERE grain = '{of}'
), numbers AS (
    SELECT first, {of}_id, cluster_id, gpu_resource, sum(cpu) AS cpu, sum(memory) AS memory, sum(gpu) AS gpu,
        sum(succeeded) AS succeeded, sum(failed) AS failed, sum(cancelled) AS cancelled, sum(error) AS error
    FROM months GROUP BY 1, 2, 3, 4
), steps AS (
    SELECT first, {of}_id, cluster_id, gpu_resource, step, sum(jobs)::int AS jobs
    FROM months, unnest(waits) WITH ORDINALITY AS u (jobs, step) GROUP BY 1, 2, 3, 4, 5
), waited AS (
    SELECT first, {of}_id, cluster_id, gpu_resource, array_agg(jobs ORDER BY step) AS waits
    FROM steps GROUP BY 1, 2, 3, 4
)
INSERT INTO jobs_usagesum (grain, day, {of}_id, cluster_id, profile_label, gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, waits)
SELECT '{grain}', first, {of}_id, cluster_id, '', gpu_resource,
    cpu, memory, gpu, succeeded, failed, cancelled, error, coalesce(waits, '{{}}')
FROM numbers LEFT JOIN waited USING (first, {of}_id, cluster_id, gpu_resource)
"""
EMPTY = "DELETE FROM jobs_usagesum WHERE grain = '{grain}'"
FILLED = tuple(
    {"of": of, "span": span, "grain": f"{of}_{span[0]}"} for of in ("team", "owner") for span in ("quarter", "year")
)
