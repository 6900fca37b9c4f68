-- A refund is saved, under a lock on its payment, before the provider is asked for it; its id is the idempotency key.
CREATE TABLE billing.refunds (
    id uuid CONSTRAINT refunds_pkey PRIMARY KEY,
    payment_id uuid NOT NULL CONSTRAINT refunds_payment_id_fkey REFERENCES billing.payments (id),
    amount bigint NOT NULL CONSTRAINT refunds_amount_check CHECK (amount > 0),
    currency text NOT NULL CONSTRAINT refunds_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CONSTRAINT refunds_status_check CHECK (status IN ('requested', 'succeeded', 'failed')),
    reason text NOT NULL,
    -- The member of staff; null where the application gives back money that came for a cancelled order.
    requested_by uuid,
    provider_refund_id text,
    failure text,
    requested_at timestamptz NOT NULL,
    CONSTRAINT refunds_failure_check CHECK ((status = 'failed') = (failure IS NOT NULL))
);

-- A payment's refunds are summed up, under its lock, before each new one.
CREATE INDEX refunds_payment_id_id_idx ON billing.refunds (payment_id, id);

GRANT SELECT, INSERT, UPDATE ON billing.refunds TO app;
