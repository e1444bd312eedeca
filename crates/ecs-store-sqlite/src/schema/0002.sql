-- Version 2: plans are approved. Programs of version 1 read and write as before.

CREATE TABLE approvals (
    -- The id of the call.
    write_id    BLOB PRIMARY KEY,
    plan_hash   TEXT NOT NULL CHECK (length(plan_hash) BETWEEN 1 AND 128),
    username    TEXT NOT NULL,
    host        TEXT NOT NULL,
    pid         INTEGER NOT NULL,
    program     TEXT NOT NULL,
    -- Of the hash, in OpenSSH's form, if a key signed it.
    signature   TEXT,
    approved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX approvals_by_plan ON approvals (plan_hash, approved_at);
