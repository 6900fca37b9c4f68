-- What has happened: one row per published event, written in the transaction that made it true.
CREATE TABLE platform.events (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    version smallint NOT NULL,
    payload jsonb NOT NULL,
    -- The request or job that caused it, so that a log line leads to its consequences.
    correlation_id text,
    occurred_at timestamptz NOT NULL
);

-- Retention walks the table by age.
CREATE INDEX events_occurred_at_idx ON platform.events (occurred_at);

-- What has yet to be done. A row exists if and only if the transaction that wanted it committed.
CREATE TABLE platform.jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    version smallint NOT NULL,
    queue text NOT NULL,
    -- Larger runs first, within a queue.
    priority smallint NOT NULL DEFAULT 0,
    payload jsonb NOT NULL,
    -- While a row holds a key, no second job of its kind can take it: also after the job is done, until retention
    -- deletes the row.
    unique_key text,
    state text NOT NULL DEFAULT 'ready' CONSTRAINT jobs_state_check CHECK (state IN ('ready', 'running', 'done', 'dead')),
    -- Runs begun. A run that was handed back untouched (snooze, shutdown) does not count.
    attempt smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL,
    -- Runs that ended because their worker vanished: what kills its process three times is not tried a fourth.
    deaths smallint NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL,
    -- Who may complete the job: a run whose lease was taken away or ran out cannot commit.
    lease_token uuid,
    lease_until timestamptz,
    last_error text,
    correlation_id text,
    enqueued_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT jobs_lease_check CHECK ((state = 'running') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)),
    CONSTRAINT jobs_finished_check CHECK ((state IN ('done', 'dead')) = (finished_at IS NOT NULL))
);

-- Each of these holds only the rows in one state, so finished jobs cost the claiming of new ones nothing.
CREATE INDEX jobs_ready_idx ON platform.jobs (queue, priority DESC, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_running_idx ON platform.jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_done_idx ON platform.jobs (finished_at) WHERE state = 'done';
CREATE UNIQUE INDEX jobs_unique_key ON platform.jobs (kind, unique_key) WHERE unique_key IS NOT NULL;

GRANT USAGE ON SCHEMA platform TO app;
-- No UPDATE: what has happened does not change.
GRANT SELECT, INSERT, DELETE ON platform.events TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform.jobs TO app;
