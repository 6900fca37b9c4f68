-- One payment per order. It is saved before the provider hears of it, and its id is part of the idempotency key of the
-- call that opens a checkout session there.
CREATE TABLE billing.payments (
    id uuid CONSTRAINT payments_pkey PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT payments_order_id_key UNIQUE,
    -- What customer and staff quote.
    order_number text NOT NULL CONSTRAINT payments_order_number_key UNIQUE,
    user_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT payments_amount_check CHECK (amount > 0),
    currency text NOT NULL CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CONSTRAINT payments_status_check
        CHECK (status IN ('opened', 'pending', 'succeeded', 'refunded', 'failed', 'abandoned')),
    -- How many checkout sessions have been asked for, and until when the latest may live. Both stand here before the
    -- provider is called, so that a call whose answer got lost is repeated word for word under the same key.
    session_attempt integer,
    session_expires_at timestamptz,
    -- Known once the provider has answered.
    session_id text,
    session_url text,
    payment_intent_id text,
    paid_at timestamptz,
    -- Why a payment failed, for the person who sorts it out.
    failure text,
    created_at timestamptz NOT NULL,
    CONSTRAINT payments_attempt_check CHECK ((session_attempt IS NULL) = (session_expires_at IS NULL)),
    CONSTRAINT payments_session_check CHECK (
        (session_id IS NULL) = (session_url IS NULL)
        AND (session_id IS NULL OR session_attempt IS NOT NULL)
        AND (status <> 'pending' OR session_id IS NOT NULL)
    ),
    CONSTRAINT payments_paid_check CHECK (
        (status IN ('succeeded', 'refunded')) = (paid_at IS NOT NULL AND payment_intent_id IS NOT NULL)
    ),
    CONSTRAINT payments_failure_check CHECK ((status = 'failed') = (failure IS NOT NULL))
);

GRANT SELECT, INSERT, UPDATE ON billing.payments TO app;
