-- The inbox of the provider's webhooks. The provider's own event id is the key, so a second delivery finds the first.
-- Rows are deleted after 30 days: bodies hold personal data, and the provider stops repeating an event after three.
CREATE TABLE billing.webhook_events (
    id text CONSTRAINT webhook_events_pkey PRIMARY KEY,
    kind text NOT NULL,
    body text NOT NULL,
    received_at timestamptz NOT NULL
);

-- The retention job deletes the oldest first.
CREATE INDEX webhook_events_received_at_idx ON billing.webhook_events (received_at);

GRANT SELECT, INSERT, DELETE ON billing.webhook_events TO app;
