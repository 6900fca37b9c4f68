-- What has been compared with the provider's books, and where the two disagree.

-- When the provider said that it has moved the same money. Null: it has yet to be asked.
ALTER TABLE billing.payments ADD COLUMN confirmed_at timestamptz;
ALTER TABLE billing.refunds ADD COLUMN confirmed_at timestamptz;

-- waive concurrently: the first release brings these tables along as well, so they are empty when this runs
-- What the provider lists is looked up by the provider's id. Unique, because one charge pays for one order.
CREATE UNIQUE INDEX payments_payment_intent_id_key ON billing.payments (payment_intent_id);
CREATE UNIQUE INDEX refunds_provider_refund_id_key ON billing.refunds (provider_refund_id);

-- waive concurrently: the first release brings these tables along as well, so they are empty when this runs
-- What has yet to be confirmed. Nearly every row leaves these within the hour, so they stay small.
CREATE INDEX payments_unconfirmed_idx ON billing.payments (paid_at)
    WHERE paid_at IS NOT NULL AND confirmed_at IS NULL;
CREATE INDEX refunds_unconfirmed_idx ON billing.refunds (requested_at)
    WHERE status = 'succeeded' AND confirmed_at IS NULL;
-- Sessions that should be over, of which nobody has heard how they ended.
CREATE INDEX payments_overdue_idx ON billing.payments (session_expires_at) WHERE status = 'pending';

-- How far a partner's lists have been compared.
CREATE TABLE billing.reconciliation (
    partner text CONSTRAINT reconciliation_pkey PRIMARY KEY,
    compared_until timestamptz NOT NULL
);
COMMENT ON TABLE billing.reconciliation IS 'bounded: one row for each partner whose books are compared';

-- One row for each thing that the two books tell differently, however often they are compared. It stays when the
-- difference is gone, so that a person can see that there was one.
CREATE TABLE billing.mismatches (
    -- The provider's id of the charge or refund; for the ledger, its currency.
    subject text CONSTRAINT mismatches_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT mismatches_kind_check CHECK (kind IN (
        'unknown_charge', 'charged_twice', 'amount_differs', 'not_charged', 'unknown_refund', 'refund_differs',
        'not_refunded', 'unbalanced'
    )),
    -- What each side says, for the person who sorts it out; null where it knows nothing.
    ours text,
    theirs text,
    first_seen_at timestamptz NOT NULL,
    resolved_at timestamptz
);

-- The open ones are listed, counted, and looked at again every hour.
CREATE INDEX mismatches_open_idx ON billing.mismatches (first_seen_at) WHERE resolved_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON billing.reconciliation, billing.mismatches TO app;
