-- Switches that are thrown without a deploy. The code declares each flag with its default; a row here overrides it, so a
-- fresh database needs none.
CREATE TABLE platform.flags (
    key text PRIMARY KEY,
    enabled boolean NOT NULL,
    -- Of an enabled flag: for how many of a hundred people. The same people each time.
    percentage smallint NOT NULL DEFAULT 100 CONSTRAINT flags_percentage_check CHECK (percentage BETWEEN 0 AND 100),
    -- Why it stands as it does, for whoever finds it there.
    note text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL
);

-- Who did what to what. The application can add to it and read it; no bug and no stolen password of its role can rewrite
-- it, because the role is granted neither UPDATE nor DELETE.
CREATE TABLE platform.audit_log (
    -- Tells the order of entries that share a time.
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL,
    -- NULL: the application itself, for instance a job.
    actor_id uuid,
    -- `<module>.<verb>`, as in `billing.refund`.
    action text NOT NULL,
    subject_type text NOT NULL,
    -- Text, because subjects have ids of different types.
    subject_id text NOT NULL,
    -- What changed: the fields that matter, never a secret.
    before jsonb,
    after jsonb,
    -- The request or job that did it, as in `platform.events`.
    correlation_id text
);

-- The questions asked of it: what happened to this, what did this person do, what happened lately.
CREATE INDEX audit_log_subject_idx ON platform.audit_log (subject_type, subject_id, id);
CREATE INDEX audit_log_actor_idx ON platform.audit_log (actor_id, id);
CREATE INDEX audit_log_occurred_at_idx ON platform.audit_log (occurred_at);

GRANT SELECT, INSERT, UPDATE ON platform.flags TO app;
GRANT SELECT, INSERT ON platform.audit_log TO app;
