"""The triggers of 0013_retention, and what they would have written before (docs/retention.md)."""

# Who stores or removes something need not think of the amounts: triggers write them in the same transaction. A change
# of a team's amount is a row of its own, so that nobody waits for anybody; a task adds them up (jobs/retention/sums.py).
# Content that several files of a team have counts once: jobs_storedblob says how many files those are.
FUNCTIONS = '''
CREATE FUNCTION jobs_store(what bigint, which text, change bigint) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF change > 0 THEN
        INSERT INTO jobs_stored (team_id, kind, job_id, jobs, bytes, gone_bytes, gone_files, rule, listing, keys)
        SELECT team_id, which, id, 1, change, 0, 0, '', '[]', '[]' FROM jobs_job WHERE id = what
        ON CONFLICT (job_id, kind) WHERE job_id IS NOT NULL
        DO UPDATE SET bytes = jobs_stored.bytes + excluded.bytes WHERE jobs_stored.gone_at IS NULL;
    ELSIF change < 0 THEN
        UPDATE jobs_stored SET bytes = bytes + change WHERE job_id = what AND kind = which AND gone_at IS NULL;
    END IF;
END $$;

CREATE FUNCTION jobs_store_logs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM jobs_store(
            NEW.job_id, 'logs', NEW.stdout_size + NEW.stderr_size - OLD.stdout_size - OLD.stderr_size);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM jobs_store(job_id, 'logs', sum(stdout_size + stderr_size)::bigint)
        FROM fresh GROUP BY job_id HAVING sum(stdout_size + stderr_size) > 0 ORDER BY job_id;
    ELSE
        PERFORM jobs_store(job_id, 'logs', -sum(stdout_size + stderr_size)::bigint)
        FROM past GROUP BY job_id HAVING sum(stdout_size + stderr_size) > 0 ORDER BY job_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_store_more_logs AFTER UPDATE OF stdout_size, stderr_size ON jobs_attempt FOR EACH ROW
    WHEN (OLD.stdout_size + OLD.stderr_size <> NEW.stdout_size + NEW.stderr_size) EXECUTE FUNCTION jobs_store_logs();
CREATE TRIGGER jobs_store_new_logs AFTER INSERT ON jobs_attempt REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_logs();
CREATE TRIGGER jobs_store_past_logs AFTER DELETE ON jobs_attempt REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_logs();

CREATE FUNCTION jobs_store_results() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM jobs_store(job_id, 'results', NEW.size - OLD.size) FROM jobs_attempt WHERE id = NEW.attempt_id;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM jobs_store(attempt.job_id, 'results', sum(fresh.size)::bigint)
        FROM fresh JOIN jobs_attempt attempt ON attempt.id = fresh.attempt_id
        GROUP BY attempt.job_id HAVING sum(fresh.size) > 0 ORDER BY attempt.job_id;
    ELSE
        PERFORM jobs_store(attempt.job_id, 'results', -sum(past.size)::bigint)
        FROM past JOIN jobs_attempt attempt ON attempt.id = past.attempt_id
        GROUP BY attempt.job_id HAVING sum(past.size) > 0 ORDER BY attempt.job_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_store_other_result AFTER UPDATE OF size ON jobs_artifact FOR EACH ROW
    WHEN (OLD.size <> NEW.size) EXECUTE FUNCTION jobs_store_results();
CREATE TRIGGER jobs_store_new_results AFTER INSERT ON jobs_artifact REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_results();
CREATE TRIGGER jobs_store_past_results AFTER DELETE ON jobs_artifact REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_results();

-- A job that was moved to another team, or to other files.
CREATE FUNCTION jobs_use_bundle(whose bigint, which uuid, change int) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF change > 0 THEN
        INSERT INTO jobs_stored (team_id, kind, bundle_id, jobs, bytes, gone_bytes, gone_files, rule, listing, keys)
        VALUES (whose, 'inputs', which, change, 0, 0, 0, '', '[]', '[]')
        ON CONFLICT (bundle_id, team_id) WHERE bundle_id IS NOT NULL
        DO UPDATE SET jobs = jobs_stored.jobs + change, ended_at = NULL;
        PERFORM jobs_weigh_inputs(ARRAY[which]);
    ELSE
        UPDATE jobs_stored SET jobs = jobs + change WHERE bundle_id = which AND team_id = whose;
        DELETE FROM jobs_stored WHERE jobs <= 0 AND bundle_id = which AND team_id = whose;
    END IF;
END $$;

CREATE FUNCTION jobs_store_jobs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO jobs_stored (team_id, kind, bundle_id, jobs, bytes, gone_bytes, gone_files, rule, listing, keys)
        SELECT team_id, 'inputs', bundle_id, count(*), (
            SELECT coalesce(sum(size), 0) FROM jobs_blob WHERE id IN (
                SELECT blob_id FROM jobs_bundlefile WHERE bundle_id = fresh.bundle_id)
        ), 0, 0, '', '[]', '[]'
        FROM fresh GROUP BY team_id, bundle_id ORDER BY bundle_id, team_id
        ON CONFLICT (bundle_id, team_id) WHERE bundle_id IS NOT NULL
        DO UPDATE SET jobs = jobs_stored.jobs + excluded.jobs, ended_at = NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE jobs_stored SET team_id = NEW.team_id WHERE job_id = NEW.id AND team_id <> NEW.team_id;
        PERFORM jobs_use_bundle(OLD.team_id, OLD.bundle_id, -1), jobs_use_bundle(NEW.team_id, NEW.bundle_id, 1);
    ELSE
        DELETE FROM jobs_stored WHERE job_id IN (SELECT id FROM past);
        UPDATE jobs_stored stored SET jobs = stored.jobs - lost.jobs
        FROM (SELECT team_id, bundle_id, count(*) AS jobs FROM past GROUP BY 1, 2) lost
        WHERE stored.bundle_id = lost.bundle_id AND stored.team_id = lost.team_id;
        DELETE FROM jobs_stored WHERE jobs <= 0 AND bundle_id IN (SELECT bundle_id FROM past);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_store_moved_job AFTER UPDATE OF team_id, bundle_id ON jobs_job FOR EACH ROW
    WHEN (OLD.team_id <> NEW.team_id OR OLD.bundle_id <> NEW.bundle_id) EXECUTE FUNCTION jobs_store_jobs();
CREATE TRIGGER jobs_store_new_jobs AFTER INSERT ON jobs_job REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_jobs();
CREATE TRIGGER jobs_store_past_jobs AFTER DELETE ON jobs_job REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_jobs();

-- Amounts of inputs that are kept, after files of theirs came or went: tests and repairs do that, people cannot.
CREATE FUNCTION jobs_weigh_inputs(which uuid[]) RETURNS void LANGUAGE sql SET search_path FROM CURRENT AS $$
    UPDATE jobs_stored stored SET bytes = (
        SELECT coalesce(sum(size), 0) FROM jobs_blob WHERE id IN (
            SELECT blob_id FROM jobs_bundlefile WHERE bundle_id = stored.bundle_id))
    WHERE stored.gone_at IS NULL AND stored.bundle_id = ANY(which);
$$;

-- So many files more (or less) of a team have some content. Negative amounts take the same way, in the same order.
CREATE FUNCTION jobs_store_blobs() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO jobs_storedblob (team_id, blob_id, size, uses)
        SELECT stored.team_id, blob.id, blob.size, count(*)
        FROM fresh JOIN jobs_stored stored USING (bundle_id) JOIN jobs_blob blob ON blob.id = fresh.blob_id
        WHERE stored.gone_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (team_id, blob_id) DO UPDATE SET uses = jobs_storedblob.uses + excluded.uses;
        PERFORM jobs_weigh_inputs(ARRAY(SELECT DISTINCT bundle_id FROM fresh));
    ELSE
        INSERT INTO jobs_storedblob (team_id, blob_id, size, uses)
        SELECT stored.team_id, blob.id, blob.size, -count(*)
        FROM past JOIN jobs_stored stored USING (bundle_id) JOIN jobs_blob blob ON blob.id = past.blob_id
        WHERE stored.gone_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (team_id, blob_id) DO UPDATE SET uses = jobs_storedblob.uses + excluded.uses;
        DELETE FROM jobs_storedblob WHERE uses <= 0 AND (team_id, blob_id) IN (
            SELECT stored.team_id, past.blob_id FROM past JOIN jobs_stored stored USING (bundle_id)
            WHERE stored.gone_at IS NULL);
        PERFORM jobs_weigh_inputs(ARRAY(SELECT DISTINCT bundle_id FROM past));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_store_new_files AFTER INSERT ON jobs_bundlefile REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_blobs();
CREATE TRIGGER jobs_store_past_files AFTER DELETE ON jobs_bundlefile REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_store_blobs();

-- Bundles of teams that begin (1) or end (-1) to be kept.
CREATE FUNCTION jobs_keep_bundles(teams bigint[], bundles uuid[], sign int) RETURNS void LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO jobs_storedblob (team_id, blob_id, size, uses)
    SELECT kept.team_id, blob.id, blob.size, sign * count(*)
    FROM unnest(teams, bundles) AS kept (team_id, bundle_id)
    JOIN jobs_bundlefile file USING (bundle_id) JOIN jobs_blob blob ON blob.id = file.blob_id
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (team_id, blob_id) DO UPDATE SET uses = jobs_storedblob.uses + excluded.uses;
    IF sign < 0 THEN
        DELETE FROM jobs_storedblob WHERE uses <= 0 AND (team_id, blob_id) IN (
            SELECT kept.team_id, file.blob_id FROM unnest(teams, bundles) AS kept (team_id, bundle_id)
            JOIN jobs_bundlefile file USING (bundle_id));
    END IF;
END $$;

CREATE FUNCTION jobs_stored_note() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    teams bigint[];
    bundles uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO jobs_storedchange (team_id, kind, bytes)
        SELECT team_id, kind, sum(bytes) FROM fresh WHERE bundle_id IS NULL GROUP BY 1, 2 HAVING sum(bytes) <> 0;
        SELECT array_agg(team_id), array_agg(bundle_id) INTO teams, bundles FROM fresh
        WHERE bundle_id IS NOT NULL AND gone_at IS NULL;
        PERFORM jobs_keep_bundles(teams, bundles, 1) WHERE teams IS NOT NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO jobs_storedchange (team_id, kind, bytes)
        SELECT team_id, kind, sum(bytes) FROM (
            SELECT team_id, kind, bytes FROM fresh WHERE bundle_id IS NULL
            UNION ALL SELECT team_id, kind, -bytes FROM past WHERE bundle_id IS NULL
        ) both_of_them GROUP BY 1, 2 HAVING sum(bytes) <> 0;
        SELECT array_agg(fresh.team_id), array_agg(fresh.bundle_id) INTO teams, bundles
        FROM fresh JOIN past USING (id)
        WHERE fresh.bundle_id IS NOT NULL AND fresh.gone_at IS NOT NULL AND past.gone_at IS NULL;
        PERFORM jobs_keep_bundles(teams, bundles, -1) WHERE teams IS NOT NULL;
    ELSE
        INSERT INTO jobs_storedchange (team_id, kind, bytes)
        SELECT team_id, kind, -sum(bytes) FROM past WHERE bundle_id IS NULL GROUP BY 1, 2 HAVING sum(bytes) <> 0;
        SELECT array_agg(team_id), array_agg(bundle_id) INTO teams, bundles FROM past
        WHERE bundle_id IS NOT NULL AND gone_at IS NULL;
        PERFORM jobs_keep_bundles(teams, bundles, -1) WHERE teams IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_stored_new AFTER INSERT ON jobs_stored REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_stored_note();
CREATE TRIGGER jobs_stored_other AFTER UPDATE ON jobs_stored REFERENCING OLD TABLE AS past NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_stored_note();
CREATE TRIGGER jobs_stored_past AFTER DELETE ON jobs_stored REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_stored_note();

CREATE FUNCTION jobs_storedblob_note() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO jobs_storedchange (team_id, kind, bytes)
        SELECT team_id, 'inputs', sum(size) FROM fresh GROUP BY 1 HAVING sum(size) <> 0;
    ELSE
        INSERT INTO jobs_storedchange (team_id, kind, bytes)
        SELECT team_id, 'inputs', -sum(size) FROM past GROUP BY 1 HAVING sum(size) <> 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_storedblob_new AFTER INSERT ON jobs_storedblob REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_storedblob_note();
CREATE TRIGGER jobs_storedblob_past AFTER DELETE ON jobs_storedblob REFERENCING OLD TABLE AS past
    FOR EACH STATEMENT EXECUTE FUNCTION jobs_storedblob_note();
'''
# What was stored before there were amounts.
WEIGH = '''
INSERT INTO jobs_stored (team_id, kind, job_id, jobs, bytes, ended_at, gone_bytes, gone_files, rule, listing, keys)
SELECT job.team_id, 'logs', job.id, 1, sum(attempt.stdout_size + attempt.stderr_size), job.finished_at, 0, 0, '', '[]', '[]'
FROM jobs_attempt attempt JOIN jobs_job job ON job.id = attempt.job_id
GROUP BY job.id HAVING sum(attempt.stdout_size + attempt.stderr_size) > 0;
INSERT INTO jobs_stored (team_id, kind, job_id, jobs, bytes, ended_at, gone_bytes, gone_files, rule, listing, keys)
SELECT job.team_id, 'results', job.id, 1, sum(artifact.size), job.finished_at, 0, 0, '', '[]', '[]'
FROM jobs_artifact artifact JOIN jobs_attempt attempt ON attempt.id = artifact.attempt_id
JOIN jobs_job job ON job.id = attempt.job_id GROUP BY job.id HAVING sum(artifact.size) > 0;
INSERT INTO jobs_stored (team_id, kind, bundle_id, jobs, bytes, gone_bytes, gone_files, rule, listing, keys)
SELECT team_id, 'inputs', bundle_id, count(*), (
    SELECT coalesce(sum(size), 0) FROM jobs_blob WHERE id IN (
        SELECT blob_id FROM jobs_bundlefile WHERE bundle_id = job.bundle_id)
), 0, 0, '', '[]', '[]'
FROM jobs_job job GROUP BY team_id, bundle_id;
SET CONSTRAINTS ALL IMMEDIATE;
'''
DROP = '''
DROP FUNCTION jobs_store_logs, jobs_store_results, jobs_store_jobs, jobs_store_blobs, jobs_stored_note,
    jobs_storedblob_note CASCADE;
DROP FUNCTION jobs_store, jobs_use_bundle, jobs_weigh_inputs, jobs_keep_bundles;
'''
