from django.db import migrations

# What runs while this version comes is charged like everything that it starts; what waits is looked at.
RESERVE = """
UPDATE jobs_attempt SET reserved_at = made_at
WHERE reserved_at IS NULL AND NOT (seen_state = 'ended' OR is_absent OR removed_at IS NOT NULL)
"""
CHARGE = """
WITH open AS (
    SELECT job.* FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
    WHERE attempt.reserved_at IS NOT NULL AND attempt.released_at IS NULL
), parts (team_id, cluster_id, user_id, resource, amount) AS (
    SELECT team_id, cluster_id, owner_id, 'jobs', 1::bigint FROM open
    UNION ALL SELECT team_id, cluster_id, owner_id, 'cpu_millis', cpu_millis FROM open
    UNION ALL SELECT team_id, cluster_id, owner_id, 'memory_bytes', memory_bytes FROM open
    UNION ALL SELECT team_id, cluster_id, owner_id, 'gpu:' || gpu_resource, gpu_count FROM open
        WHERE gpu_resource <> '' AND gpu_count > 0
)
INSERT INTO teams_quotaline (team_id, scope, cluster_id, user_id, resource, used)
SELECT team_id, 'team', NULL::bigint, NULL::bigint, resource, sum(amount) FROM parts GROUP BY team_id, resource
UNION ALL SELECT team_id, 'cluster', cluster_id, NULL, resource, sum(amount) FROM parts
    GROUP BY team_id, cluster_id, resource
UNION ALL SELECT team_id, 'user', NULL, user_id, resource, sum(amount) FROM parts
    GROUP BY team_id, user_id, resource
"""
WAKE = """
INSERT INTO jobs_teamqueue (team_id, due_at, blocked, waits_for_clusters, is_owed)
SELECT DISTINCT team_id, now(), '[]'::jsonb, '{}'::bigint[], false FROM jobs_job WHERE status = 'queued'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0005_quota"),
        ("teams", "0002_quota"),
    ]

    operations = [
        migrations.RunSQL([RESERVE, CHARGE, WAKE], migrations.RunSQL.noop),
    ]
