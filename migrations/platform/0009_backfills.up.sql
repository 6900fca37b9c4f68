-- How far each backfill has come. A row appears when a person starts the backfill.
CREATE TABLE platform.backfills (
    name text CONSTRAINT backfills_pkey PRIMARY KEY,
    -- Of the code that it was started with: a higher one there means that all rows need it once more.
    version smallint NOT NULL,
    state text NOT NULL CONSTRAINT backfills_state_check CHECK (state IN ('running', 'paused', 'complete')),
    -- The key of the last row that was looked at. NULL: none was yet.
    last_key jsonb,
    -- Since it was started: rows looked at, those among them that needed something, and in how many transactions.
    looked_at bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    batches bigint NOT NULL DEFAULT 0,
    -- How many rows the next batch looks at.
    batch_size integer NOT NULL CONSTRAINT backfills_batch_size_check CHECK (batch_size BETWEEN 1 AND 1000),
    -- The one job that may do the next batch: any other that still waits does nothing. Also where to read why it failed.
    -- No foreign key: jobs are deleted a week after they are done.
    job_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    CONSTRAINT backfills_finished_check CHECK ((state = 'complete') = (finished_at IS NOT NULL))
);
COMMENT ON TABLE platform.backfills IS 'bounded: one row for each backfill in the code';
COMMENT ON COLUMN platform.backfills.name IS 'not personal: ours';
COMMENT ON COLUMN platform.backfills.last_key IS 'not personal: an id';

GRANT SELECT, INSERT, UPDATE ON platform.backfills TO app;
