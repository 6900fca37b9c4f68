-- Where customers want to be told of what happens to their orders.
CREATE TABLE webhooks.endpoints (
    id uuid CONSTRAINT endpoints_pkey PRIMARY KEY,
    user_id uuid NOT NULL,
    url text NOT NULL CONSTRAINT endpoints_url_length CHECK (char_length(url) BETWEEN 1 AND 500),
    -- What its owner calls it; empty where they have not said.
    description text NOT NULL CONSTRAINT endpoints_description_length CHECK (char_length(description) <= 100),
    -- Which kinds of events it is told of. NULL: all, those of later releases included.
    events text[] CONSTRAINT endpoints_events_some CHECK (cardinality(events) > 0),
    status text NOT NULL CONSTRAINT endpoints_status_check CHECK (status IN ('enabled', 'paused', 'failing', 'gone')),
    -- Its secret is made from the application's, the id and this number, so that no secret stands here.
    secret_generation integer NOT NULL CONSTRAINT endpoints_secret_generation_check CHECK (secret_generation >= 1),
    -- Until when the secret of the generation before signs, too.
    previous_secret_until timestamptz,
    -- Attempts in a row that failed, and when the first of them did.
    failures integer NOT NULL DEFAULT 0 CONSTRAINT endpoints_failures_check CHECK (failures >= 0),
    failing_since timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT endpoints_failing_whole CHECK ((failures = 0) = (failing_since IS NULL))
);

-- A person's endpoints in the order in which they came.
CREATE INDEX endpoints_user_id_idx ON webhooks.endpoints (user_id, id);

-- What is told to whom, and what has come of it. Rows are deleted after 30 days: payloads hold personal data.
CREATE TABLE webhooks.deliveries (
    id uuid CONSTRAINT deliveries_pkey PRIMARY KEY,
    -- They go with their endpoint: a person has ten at most, and each of them a month of their own orders.
    endpoint_id uuid NOT NULL CONSTRAINT deliveries_endpoint_id_fkey REFERENCES webhooks.endpoints (id) ON DELETE CASCADE,
    -- What the receiver knows the message by: the event's id, in every attempt.
    message_id uuid NOT NULL,
    event text NOT NULL,
    -- The very bytes that are signed and sent. As jsonb they would come back in another order.
    payload text NOT NULL,
    status text NOT NULL CONSTRAINT deliveries_status_check CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts smallint NOT NULL DEFAULT 0 CONSTRAINT deliveries_attempts_check CHECK (attempts >= 0),
    -- After how many attempts it is given up.
    most_attempts smallint NOT NULL,
    -- What came of the last attempt; NULL before the first.
    outcome text CONSTRAINT deliveries_outcome_check CHECK (outcome IN (
        'answered', 'timed_out', 'unreachable', 'broke_off', 'address_refused', 'endpoint_disabled'
    )),
    response_status smallint,
    created_at timestamptz NOT NULL,
    attempted_at timestamptz,
    -- When it is tried again.
    next_attempt_at timestamptz,
    -- An event that is told twice finds its first telling.
    CONSTRAINT deliveries_message_key UNIQUE (endpoint_id, message_id),
    CONSTRAINT deliveries_answer_whole CHECK ((response_status IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'answered')),
    CONSTRAINT deliveries_pending_whole CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL))
);

-- An endpoint's last deliveries, newest first.
CREATE INDEX deliveries_endpoint_id_idx ON webhooks.deliveries (endpoint_id, id DESC);
-- Retention deletes the oldest first.
CREATE INDEX deliveries_created_at_idx ON webhooks.deliveries (created_at);

GRANT USAGE ON SCHEMA webhooks TO app;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks.endpoints, webhooks.deliveries TO app;

COMMENT ON COLUMN webhooks.endpoints.url IS 'personal: deleted with the account';
COMMENT ON COLUMN webhooks.endpoints.description IS 'personal: deleted with the account';
COMMENT ON COLUMN webhooks.endpoints.events IS 'not personal: kinds of events';
COMMENT ON COLUMN webhooks.deliveries.event IS 'not personal: a kind of event';
COMMENT ON COLUMN webhooks.deliveries.payload IS 'personal: deleted after 30 days, and with the endpoint';
