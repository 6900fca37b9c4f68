-- When the shop was last backed up, and when a backup was last restored and found whole. The alarms read these times: a
-- schedule that has stopped running raises none by itself.
CREATE TABLE platform.safeguards (
    -- `backup` or `restore`.
    name text CONSTRAINT safeguards_pkey PRIMARY KEY,
    last_at timestamptz NOT NULL
);
COMMENT ON TABLE platform.safeguards IS 'bounded: one row for backups and one for restores';
COMMENT ON COLUMN platform.safeguards.name IS 'not personal: ours';

GRANT SELECT, INSERT, UPDATE ON platform.safeguards TO app;
