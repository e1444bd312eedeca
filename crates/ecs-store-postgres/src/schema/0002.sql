-- Version 2: watchers are told which runs change, and plans are approved. Runs as one transaction.
-- Programs of version 1 read and write as before.

-- Tells those who listen that a run changed. Only while somebody does: commits that notify wait for each other, in the whole
-- database. A listener holds this advisory lock, shared; whoever cannot have it for a moment notifies.
CREATE FUNCTION notify_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = ecsctl, pg_temp AS $$
BEGIN
    IF pg_try_advisory_lock(7306347162104917603) THEN
        PERFORM pg_advisory_unlock(7306347162104917603);
    ELSE
        PERFORM pg_notify('ecsctl_runs', NEW.run_id);
    END IF;
    RETURN NULL;
END $$;

-- Not for signs of life, which change nothing but seen_at.
CREATE TRIGGER runs_changed AFTER INSERT OR UPDATE OF next_seq, epoch, released_at, ended_at ON runs
    FOR EACH ROW EXECUTE FUNCTION notify_change();

-- Who approved which plan. Nobody but the owner changes or deletes a row.
CREATE TABLE approvals (
    -- The id of the call.
    write_id    uuid PRIMARY KEY,
    plan_hash   text NOT NULL CHECK (length(plan_hash) BETWEEN 1 AND 128),
    username    text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    program     text NOT NULL,
    db_user     text NOT NULL DEFAULT session_user,
    -- Of the hash, in OpenSSH's form, if a key signed it.
    signature   text CHECK (length(signature) <= 65536),
    approved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX approvals_by_plan ON approvals (plan_hash, approved_at);

-- Approves a plan, once for each call.
CREATE FUNCTION approve_plan(
    p_hash text, p_write uuid, p_user text, p_host text, p_pid integer, p_program text, p_signature text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    INSERT INTO approvals (write_id, plan_hash, username, host, pid, program, signature)
        VALUES (p_write, p_hash, p_user, p_host, p_pid, p_program, p_signature)
        ON CONFLICT DO NOTHING;
END $$;

REVOKE ALL ON FUNCTION notify_change, approve_plan FROM PUBLIC;
