"""The witness: a trigger of the test's own, run at the end of each transaction that reserves anything.

It adds up the attempts themselves and never reads `used`; what it finds is over a limit goes into a table.
"""

SCHEMA = """
CREATE TABLE IF NOT EXISTS witnessed (at timestamptz DEFAULT clock_timestamp(), what text);
CREATE TABLE IF NOT EXISTS admitted (job_id bigint, team_id bigint, waited float8);
CREATE OR REPLACE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE job jobs_job; found record;
BEGIN
    SELECT * INTO job FROM jobs_job WHERE id = NEW.job_id;
    INSERT INTO admitted VALUES (job.id, job.team_id, extract(epoch FROM clock_timestamp() - job.created_at));
    FOR found IN
        WITH open AS (
            SELECT j.team_id, j.owner_id, j.cluster_id, t.shares_quota, part.* FROM jobs_attempt a
            JOIN jobs_job j ON j.id = a.job_id JOIN teams_team t ON t.id = j.team_id
            CROSS JOIN LATERAL (VALUES ('jobs', 1::bigint), ('cpu_millis', j.cpu_millis::bigint))
                part (resource, amount)
            WHERE a.reserved_at IS NOT NULL AND a.released_at IS NULL
        )
        SELECT l.scope, l.resource, sum(o.amount) AS reserved, coalesce(l."limit", usual."limit") AS most
        FROM teams_quotaline l
        JOIN open o ON o.resource = l.resource AND (
            l.scope = 'team' AND o.team_id = l.team_id AND NOT o.shares_quota
            OR l.scope = 'cluster' AND o.team_id = l.team_id AND o.cluster_id = l.cluster_id
            OR l.scope = 'user' AND o.team_id = l.team_id AND o.owner_id = l.user_id
            OR l.scope = 'pool' AND o.shares_quota AND EXISTS (
                SELECT 1 FROM teams_quotaline own WHERE own.team_id = o.team_id AND own.scope = 'team'
                AND own.resource = o.resource AND own."limit" IS NOT NULL))
        LEFT JOIN teams_quotaline usual ON l.scope = 'user' AND usual.scope = 'member'
            AND usual.team_id = l.team_id AND usual.resource = l.resource
        -- Only accounts that this very job is charged to: others may be above a limit that was lowered since.
        WHERE l.team_id = job.team_id AND coalesce(l.user_id, job.owner_id) = job.owner_id
            AND coalesce(l.cluster_id, job.cluster_id) = job.cluster_id OR l.scope = 'pool' AND EXISTS (
            SELECT 1 FROM teams_team t JOIN teams_quotaline own ON own.team_id = t.id AND own.scope = 'team'
                AND own.resource = l.resource AND own."limit" IS NOT NULL
            WHERE t.id = job.team_id AND t.shares_quota)
        GROUP BY l.id, usual.id HAVING sum(o.amount) > coalesce(l."limit", usual."limit")
    LOOP
        INSERT INTO witnessed (what) VALUES (format('%s %s: %s of %s by job %s of team %s',
            found.scope, found.resource, found.reserved, found.most, job.id, job.team_id));
    END LOOP;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS witness ON jobs_attempt;
CREATE CONSTRAINT TRIGGER witness AFTER INSERT ON jobs_attempt
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION witness();
"""
GONE = """
DROP TRIGGER IF EXISTS witness ON jobs_attempt; DROP FUNCTION IF EXISTS witness();
DROP TABLE IF EXISTS witnessed; DROP TABLE IF EXISTS admitted;
"""
