-- Version 1: runs, their records, and what they share. Runs as one transaction.
--
-- Everything that writes is a function, one call of which is one transaction. They belong to whoever ran
-- `ecsctl store init`, and run with that role's rights: others need no right to write to a table.
-- Time is clock_timestamp(): now() would be the time before a lock was awaited.

CREATE TABLE runs (
    run_id      text PRIMARY KEY CHECK (length(run_id) BETWEEN 1 AND 128),
    endpoint    text NOT NULL,
    project     text NOT NULL,
    action      text NOT NULL,
    servers     integer NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Raised by each takeover. Only the process with the current one may write.
    epoch       bigint NOT NULL DEFAULT 1,
    next_seq    bigint NOT NULL DEFAULT 0,
    username    text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    program     text NOT NULL,
    db_user     text NOT NULL DEFAULT session_user,
    held_since  timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Its process gave it back in good order, ended or not.
    released_at timestamptz,
    ended_at    timestamptz
);
CREATE INDEX runs_by_start ON runs (started_at DESC);

CREATE TABLE records (
    run_id     text NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq        bigint NOT NULL,
    epoch      bigint NOT NULL,
    -- The id of the transaction's call: how an unclear commit is looked up.
    write_id   uuid NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The line of a journal file, with its checksum, without its newline.
    line       text NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE epochs (
    run_id   text NOT NULL REFERENCES runs ON DELETE CASCADE,
    epoch    bigint NOT NULL,
    write_id uuid NOT NULL,
    username text NOT NULL,
    host     text NOT NULL,
    pid      integer NOT NULL,
    program  text NOT NULL,
    db_user  text NOT NULL DEFAULT session_user,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, epoch)
);

-- The row that whoever admits a request locks.
CREATE TABLE quotas (
    endpoint text NOT NULL,
    project  text NOT NULL,
    PRIMARY KEY (endpoint, project)
);

CREATE TABLE shares (
    run_id    text NOT NULL REFERENCES runs ON DELETE CASCADE,
    request   integer NOT NULL,
    endpoint  text NOT NULL,
    project   text NOT NULL,
    servers   integer NOT NULL,
    time_span interval NOT NULL,
    taken_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Held until then. Of a request that was not answered: until it is awaited no longer, and a window more.
    until     timestamptz NOT NULL,
    answered  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, request)
);
CREATE INDEX shares_in_use ON shares (endpoint, project, until);

-- The runs that wait for the quota, in their order: one place for each run.
CREATE TABLE queue (
    run_id   text PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    endpoint text NOT NULL,
    project  text NOT NULL,
    place    bigint GENERATED ALWAYS AS IDENTITY,
    servers  integer NOT NULL,
    seen_at  timestamptz NOT NULL
);

CREATE TABLE leases (
    endpoint  text NOT NULL,
    project   text NOT NULL,
    server_id uuid NOT NULL,
    run_id    text NOT NULL REFERENCES runs ON DELETE CASCADE,
    request   integer NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (endpoint, project, server_id)
);
CREATE INDEX leases_by_run ON leases (run_id, request);

CREATE FUNCTION microseconds(at timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM at) * 1000000)::bigint;

CREATE FUNCTION holder(run runs) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object(
    'run_id', run.run_id, 'user', run.username, 'host', run.host, 'pid', run.pid,
    'since', ecsctl.microseconds(run.held_since), 'seen', ecsctl.microseconds(run.seen_at), 'epoch', run.epoch);

-- Whether a process may write its records from p_seq on, or has done so by this very call before.
CREATE FUNCTION may_write(run runs, p_run text, p_epoch bigint, p_seq bigint, p_write uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = ecsctl, pg_temp AS $$
BEGIN
    IF run.run_id IS NULL THEN
        RETURN jsonb_build_object('result', 'no_run');
    END IF;
    IF run.epoch <> p_epoch THEN
        RETURN jsonb_build_object('result', 'fenced', 'holder', holder(run));
    END IF;
    IF run.next_seq = p_seq THEN
        RETURN jsonb_build_object('result', 'write');
    END IF;
    IF run.next_seq < p_seq THEN
        RETURN jsonb_build_object('result', 'lost', 'records', run.next_seq);
    END IF;
    IF EXISTS (SELECT FROM records r WHERE r.run_id = p_run AND r.seq = p_seq AND r.epoch = p_epoch AND r.write_id = p_write) THEN
        RETURN jsonb_build_object('result', 'written');
    END IF;
    RETURN jsonb_build_object('result', 'conflict', 'records', run.next_seq);
END $$;

CREATE FUNCTION write_records(p_run text, p_epoch bigint, p_seq bigint, p_write uuid, p_lines text[]) RETURNS void
LANGUAGE sql SET search_path = ecsctl, pg_temp AS $$
    INSERT INTO records (run_id, seq, epoch, write_id, line)
        SELECT p_run, p_seq + l.n - 1, p_epoch, p_write, l.line FROM unnest(p_lines) WITH ORDINALITY AS l (line, n);
    UPDATE runs SET next_seq = p_seq + cardinality(p_lines), seen_at = clock_timestamp() WHERE run_id = p_run;
$$;

-- Begins a run with its first record.
CREATE FUNCTION begin_run(
    p_run text, p_write uuid, p_line text, p_endpoint text, p_project text, p_action text, p_servers integer,
    p_user text, p_host text, p_pid integer, p_program text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
DECLARE
    run runs%ROWTYPE;
BEGIN
    -- Until the end of this transaction: what is reported as written survives a crash.
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    PERFORM set_config('lock_timeout', '8s', true);
    INSERT INTO runs (run_id, endpoint, project, action, servers, username, host, pid, program)
        VALUES (p_run, p_endpoint, p_project, p_action, p_servers, p_user, p_host, p_pid, p_program)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO run FROM runs WHERE run_id = p_run FOR UPDATE;
        IF EXISTS (SELECT FROM records WHERE run_id = p_run AND seq = 0 AND write_id = p_write) THEN
            RETURN may_write(run, p_run, 1, 0, p_write)::text;
        END IF;
        RETURN jsonb_build_object('result', 'exists', 'holder', holder(run))::text;
    END IF;
    INSERT INTO epochs (run_id, epoch, write_id, username, host, pid, program)
        VALUES (p_run, 1, p_write, p_user, p_host, p_pid, p_program);
    PERFORM write_records(p_run, 1, 0, p_write, ARRAY[p_line]);
    RETURN '{"result":"written"}';
END $$;

-- Appends records, and what follows from them for what the runs share.
CREATE FUNCTION append(
    p_run text, p_epoch bigint, p_seq bigint, p_write uuid, p_lines text[],
    p_answered integer[], p_freed integer[], p_over integer[], p_released uuid[], p_ended boolean
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
DECLARE
    run runs%ROWTYPE;
    may jsonb;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    PERFORM set_config('lock_timeout', '8s', true);
    SELECT * INTO run FROM runs WHERE run_id = p_run FOR UPDATE;
    may := may_write(run, p_run, p_epoch, p_seq, p_write);
    IF may ->> 'result' <> 'write' THEN
        RETURN may::text;
    END IF;
    PERFORM write_records(p_run, p_epoch, p_seq, p_write, p_lines);
    UPDATE shares SET until = clock_timestamp() + time_span, answered = true
        WHERE run_id = p_run AND request = ANY (p_answered);
    DELETE FROM shares WHERE run_id = p_run AND request = ANY (p_freed);
    DELETE FROM leases WHERE run_id = p_run AND request = ANY (p_over);
    -- As in announce(). Nobody else changes them: the run is locked.
    IF cardinality(p_released) > 0 THEN
        DELETE FROM leases WHERE ctid = ANY (ARRAY(
            SELECT l.ctid FROM unnest(p_released) AS s (id)
            CROSS JOIN LATERAL (
                SELECT leases.ctid, run_id FROM leases
                WHERE endpoint = run.endpoint AND project = run.project AND server_id = s.id LIMIT 1
            ) l
            WHERE l.run_id = p_run));
    END IF;
    IF p_ended THEN
        DELETE FROM leases WHERE run_id = p_run;
        DELETE FROM queue WHERE run_id = p_run;
        UPDATE runs SET ended_at = clock_timestamp(), released_at = clock_timestamp() WHERE run_id = p_run;
    END IF;
    RETURN '{"result":"written"}';
END $$;

-- Announces an attempt: the epoch, the servers, the quota and the records in one transaction.
CREATE FUNCTION announce(
    p_run text, p_epoch bigint, p_seq bigint, p_write uuid, p_lines text[],
    p_request integer, p_servers uuid[], p_limit integer, p_window_ms bigint, p_hold_ms bigint
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
DECLARE
    run runs%ROWTYPE;
    may jsonb;
    is_written boolean;
    held jsonb;
    at timestamptz;
    wanted integer := least(cardinality(p_servers), p_limit);
    used bigint;
    ahead bigint;
    my_place bigint;
    room_at timestamptz;
    time_span interval := p_window_ms * interval '1 millisecond';
    hold interval := p_hold_ms * interval '1 millisecond';
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    PERFORM set_config('lock_timeout', '8s', true);
    SELECT * INTO run FROM runs WHERE run_id = p_run FOR UPDATE;
    may := may_write(run, p_run, p_epoch, p_seq, p_write);
    IF may ->> 'result' NOT IN ('write', 'written') THEN
        RETURN may::text;
    END IF;
    is_written := may ->> 'result' = 'written';
    -- One admission at a time in a project.
    INSERT INTO quotas VALUES (run.endpoint, run.project) ON CONFLICT DO NOTHING;
    PERFORM FROM quotas q WHERE q.endpoint = run.endpoint AND q.project = run.project FOR UPDATE;
    at := clock_timestamp();

    SELECT jsonb_agg(h.it) INTO held FROM (
        SELECT holder(other) || jsonb_build_object('id', l.server_id, 'since', microseconds(l.since)) AS it
        -- One look into the index for each server, whatever the planner knows of the table.
        FROM unnest(p_servers) AS s (id)
        CROSS JOIN LATERAL (
            SELECT * FROM leases WHERE endpoint = run.endpoint AND project = run.project AND server_id = s.id LIMIT 1
        ) l
        JOIN runs other ON other.run_id = l.run_id
        WHERE l.run_id <> p_run
        LIMIT 20
    ) h;
    IF held IS NOT NULL THEN
        -- It holds nobody up meanwhile.
        DELETE FROM queue WHERE run_id = p_run;
        RETURN jsonb_build_object('result', 'held', 'servers', held)::text;
    END IF;

    -- A share that is still held of the same request: its answer got lost, and only the way was made again.
    IF NOT (is_written AND EXISTS (
        SELECT FROM shares s WHERE s.run_id = p_run AND s.request = p_request AND s.until > at
    )) THEN
        SELECT coalesce(sum(s.servers), 0) INTO used FROM shares s
            WHERE s.endpoint = run.endpoint AND s.project = run.project AND s.until > at
            AND (s.run_id, s.request) <> (p_run, p_request);
        SELECT q.place INTO my_place FROM queue q WHERE q.run_id = p_run AND q.seen_at > at - interval '5 seconds';
        SELECT coalesce(sum(q.servers), 0) INTO ahead FROM queue q
            WHERE q.endpoint = run.endpoint AND q.project = run.project AND q.run_id <> p_run
            AND q.seen_at > at - interval '5 seconds' AND (my_place IS NULL OR q.place < my_place);
        IF ahead > 0 OR used + wanted > p_limit THEN
            IF my_place IS NULL THEN
                DELETE FROM queue WHERE run_id = p_run;
                INSERT INTO queue (run_id, endpoint, project, servers, seen_at)
                    VALUES (p_run, run.endpoint, run.project, wanted, at);
            ELSE
                UPDATE queue SET servers = wanted, seen_at = at WHERE run_id = p_run;
            END IF;
            SELECT min(f.until) INTO room_at FROM (
                SELECT e.until, sum(e.servers) OVER (ORDER BY e.until) AS freed FROM (
                    SELECT s.servers, CASE WHEN s.answered THEN s.until ELSE least(s.until, at + s.time_span) END AS until
                    FROM shares s
                    WHERE s.endpoint = run.endpoint AND s.project = run.project AND s.until > at
                    AND (s.run_id, s.request) <> (p_run, p_request)
                ) e
            ) f WHERE f.freed >= used + ahead + wanted - p_limit;
            RETURN jsonb_build_object(
                'result', 'full', 'written', is_written,
                'retry_after_ms', CASE WHEN used + ahead + wanted <= p_limit THEN 0
                    ELSE ceil(extract(epoch FROM room_at - at) * 1000)::bigint END)::text;
        END IF;
    END IF;

    INSERT INTO shares AS s (run_id, request, endpoint, project, servers, time_span, taken_at, until)
        VALUES (p_run, p_request, run.endpoint, run.project, wanted, time_span, at, at + hold)
        ON CONFLICT (run_id, request) DO UPDATE
        SET until = greatest(s.until, excluded.until), time_span = excluded.time_span, servers = excluded.servers,
            answered = false;
    DELETE FROM queue WHERE run_id = p_run;
    IF NOT is_written THEN
        INSERT INTO leases AS l (endpoint, project, server_id, run_id, request)
            SELECT run.endpoint, run.project, id, p_run, p_request FROM unnest(p_servers) id
            ON CONFLICT (endpoint, project, server_id) DO UPDATE SET request = excluded.request;
        PERFORM write_records(p_run, p_epoch, p_seq, p_write, p_lines);
        -- What nobody asks for any more. A late answer still finds its share.
        DELETE FROM shares s WHERE s.endpoint = run.endpoint AND s.project = run.project
            AND s.until < at - interval '1 day';
    END IF;
    RETURN '{"result":"written"}';
END $$;

-- Takes a run over: from its commit on, whoever had it can write nothing more.
CREATE FUNCTION take_over(
    p_run text, p_write uuid, p_after_ms bigint, p_at_once boolean,
    p_user text, p_host text, p_pid integer, p_program text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
DECLARE
    run runs%ROWTYPE;
    free_at timestamptz;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    PERFORM set_config('lock_timeout', '8s', true);
    SELECT * INTO run FROM runs WHERE run_id = p_run FOR UPDATE;
    IF run.run_id IS NULL THEN
        RETURN '{"result":"no_run"}';
    END IF;
    -- The commit of an earlier call was unclear.
    IF EXISTS (SELECT FROM epochs WHERE run_id = p_run AND epoch = run.epoch AND write_id = p_write) THEN
        RETURN jsonb_build_object('result', 'taken', 'epoch', run.epoch, 'records', run.next_seq)::text;
    END IF;
    free_at := run.seen_at + p_after_ms * interval '1 millisecond';
    IF run.released_at IS NULL AND NOT p_at_once AND free_at > clock_timestamp() THEN
        RETURN jsonb_build_object(
            'result', 'in_use', 'holder', holder(run),
            'free_in_ms', ceil(extract(epoch FROM free_at - clock_timestamp()) * 1000)::bigint)::text;
    END IF;
    INSERT INTO epochs (run_id, epoch, write_id, username, host, pid, program)
        VALUES (p_run, run.epoch + 1, p_write, p_user, p_host, p_pid, p_program);
    UPDATE runs SET epoch = run.epoch + 1, username = p_user, host = p_host, pid = p_pid, program = p_program,
        db_user = session_user, held_since = clock_timestamp(), seen_at = clock_timestamp(),
        released_at = NULL, ended_at = NULL
        WHERE run_id = p_run;
    RETURN jsonb_build_object('result', 'taken', 'epoch', run.epoch + 1, 'records', run.next_seq)::text;
END $$;

-- A sign of life. False: somebody else has the run.
CREATE FUNCTION touch(p_run text, p_epoch bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
    UPDATE runs SET seen_at = clock_timestamp() WHERE run_id = p_run AND epoch = p_epoch;
    SELECT EXISTS (SELECT FROM runs WHERE run_id = p_run AND epoch = p_epoch);
$$;

-- The process lets go of the run in good order: who takes it over need not wait.
CREATE FUNCTION release(p_run text, p_epoch bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
    UPDATE runs SET released_at = clock_timestamp() WHERE run_id = p_run AND epoch = p_epoch;
    DELETE FROM queue WHERE run_id = p_run AND EXISTS (SELECT FROM runs WHERE run_id = p_run AND epoch = p_epoch);
$$;

-- Deletes ended runs. Shares that are held are kept.
CREATE FUNCTION prune(p_older_ms bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ecsctl, pg_temp AS $$
DECLARE
    pruned bigint;
BEGIN
    DELETE FROM runs r WHERE r.ended_at < clock_timestamp() - p_older_ms * interval '1 millisecond'
        AND NOT EXISTS (SELECT FROM shares s WHERE s.run_id = r.run_id AND s.until > clock_timestamp());
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ecsctl FROM PUBLIC;
