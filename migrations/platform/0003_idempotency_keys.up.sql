-- What programs have asked for under a key of their own (header `Idempotency-Key`), and what they were answered. Whoever
-- repeats a request because its answer got lost gets that answer, and nothing happens twice.
CREATE TABLE platform.idempotency_keys (
    -- No foreign key: accounts belong to another schema.
    user_id uuid NOT NULL,
    key text NOT NULL CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 1 AND 255),
    -- A keyed hash of method, path and body. Keyed, because a body may hold a password, which a plain hash would let guess.
    fingerprint bytea NOT NULL,
    -- Until then the request is being served, and a repetition is told to wait. Afterwards its process must have died, and a
    -- repetition takes its place.
    locked_until timestamptz NOT NULL,
    -- The answer, once there is one.
    status smallint,
    content_type text,
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_keys_answer_check CHECK ((status IS NULL) = (body IS NULL))
);

-- Old keys are deleted in batches, the oldest first.
CREATE INDEX idempotency_keys_created_at_idx ON platform.idempotency_keys (created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON platform.idempotency_keys TO app;
