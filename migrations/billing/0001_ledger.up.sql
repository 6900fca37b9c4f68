-- Double-entry bookkeeping. Amounts are in minor units; a debit is positive, a credit negative.
--
-- A transaction carries the id of the payment or refund that caused it, so one cause is booked at most once however
-- often its webhook is replayed.
CREATE TABLE billing.ledger_transactions (
    id uuid CONSTRAINT ledger_transactions_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT ledger_transactions_kind_check CHECK (kind IN ('payment', 'refund')),
    recorded_at timestamptz NOT NULL
);

CREATE TABLE billing.ledger_entries (
    transaction_id uuid NOT NULL
        CONSTRAINT ledger_entries_transaction_id_fkey REFERENCES billing.ledger_transactions (id),
    account text NOT NULL CONSTRAINT ledger_entries_account_check CHECK (account IN ('provider_clearing', 'sales')),
    amount bigint NOT NULL CONSTRAINT ledger_entries_amount_check CHECK (amount <> 0),
    currency text NOT NULL CONSTRAINT ledger_entries_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ledger_entries_pkey PRIMARY KEY (transaction_id, account)
);

-- The rule of double entry is the database's to keep: a mistake in the application must fail its commit, not unbalance
-- the books. It is checked at commit, because a transaction's entries arrive one by one.
CREATE FUNCTION billing.check_ledger_balance() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM billing.ledger_entries
        WHERE transaction_id = NEW.transaction_id
        GROUP BY currency
        HAVING sum(amount) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not sum to zero', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_balance_check';
    END IF;
    RETURN NULL;
END;
$$;

CREATE CONSTRAINT TRIGGER ledger_entries_balance_check
    AFTER INSERT OR UPDATE ON billing.ledger_entries
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing.check_ledger_balance();

GRANT USAGE ON SCHEMA billing TO app;
-- Append-only: a wrong booking is corrected by its reversal, never by an edit.
GRANT SELECT, INSERT ON billing.ledger_transactions, billing.ledger_entries TO app;
