-- Version 1: runs, their records, and what they share. Times in microseconds since 1970.

CREATE TABLE runs (
    run_id      TEXT PRIMARY KEY CHECK (length(run_id) BETWEEN 1 AND 128),
    endpoint    TEXT NOT NULL,
    project     TEXT NOT NULL,
    action      TEXT NOT NULL,
    servers     INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    -- Raised by each takeover. Only the process with the current one may write.
    epoch       INTEGER NOT NULL DEFAULT 1,
    next_seq    INTEGER NOT NULL DEFAULT 0,
    username    TEXT NOT NULL,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    program     TEXT NOT NULL,
    held_since  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    -- Its process gave it back in good order, ended or not.
    released_at INTEGER,
    ended_at    INTEGER
) STRICT;
CREATE INDEX runs_by_start ON runs (started_at DESC);

CREATE TABLE records (
    run_id     TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    -- The id of the transaction's call: how an unclear commit is looked up.
    write_id   BLOB NOT NULL,
    written_at INTEGER NOT NULL,
    -- The line of a journal file, with its checksum, without its newline.
    line       TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE epochs (
    run_id   TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    epoch    INTEGER NOT NULL,
    write_id BLOB NOT NULL,
    username TEXT NOT NULL,
    host     TEXT NOT NULL,
    pid      INTEGER NOT NULL,
    program  TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE shares (
    run_id    TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    request   INTEGER NOT NULL,
    endpoint  TEXT NOT NULL,
    project   TEXT NOT NULL,
    servers   INTEGER NOT NULL,
    time_span INTEGER NOT NULL,
    taken_at  INTEGER NOT NULL,
    -- Held until then. Of a request that was not answered: until it is awaited no longer, and a window more.
    until     INTEGER NOT NULL,
    answered  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX shares_in_use ON shares (endpoint, project, until);

-- The runs that wait for the quota, in their order: one place for each run.
CREATE TABLE queue (
    place    INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id   TEXT NOT NULL UNIQUE REFERENCES runs ON DELETE CASCADE,
    endpoint TEXT NOT NULL,
    project  TEXT NOT NULL,
    servers  INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE leases (
    endpoint  TEXT NOT NULL,
    project   TEXT NOT NULL,
    server_id BLOB NOT NULL,
    run_id    TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
    request   INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (endpoint, project, server_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_by_run ON leases (run_id, request);
