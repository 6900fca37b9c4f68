-- The last number given out in each series and year. A sequence would leave a gap for every transaction that is rolled
-- back; a row that is locked until its transaction ends cannot.
CREATE TABLE billing.invoice_counters (
    series text NOT NULL CONSTRAINT invoice_counters_series_check CHECK (series IN ('INV', 'CN')),
    year integer NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT invoice_counters_pkey PRIMARY KEY (series, year)
);

-- Invoices and the credit notes that undo them: the same paper under two titles.
CREATE TABLE billing.invoices (
    id uuid CONSTRAINT invoices_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT invoices_kind_check CHECK (kind IN ('invoice', 'credit_note')),
    number text NOT NULL CONSTRAINT invoices_number_key UNIQUE,
    order_id uuid NOT NULL,
    order_number text NOT NULL,
    user_id uuid NOT NULL,
    -- The refund that a credit note belongs to.
    refund_id uuid CONSTRAINT invoices_refund_id_fkey REFERENCES billing.refunds (id),
    -- Seller, customer and lines as they are printed. It is one value because nothing ever asks for a part of it, and
    -- because later changes of an address or a product must not reach a paper that has been issued.
    content jsonb NOT NULL,
    total bigint NOT NULL CONSTRAINT invoices_total_check CHECK (total > 0),
    currency text NOT NULL CONSTRAINT invoices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    issued_at timestamptz NOT NULL,
    -- When the PDF was stored, and when it was mailed.
    rendered_at timestamptz,
    sent_at timestamptz,
    CONSTRAINT invoices_refund_id_key UNIQUE (refund_id),
    CONSTRAINT invoices_refund_check CHECK ((kind = 'credit_note') = (refund_id IS NOT NULL))
);

-- One invoice per order, however often the order's payment is announced.
CREATE UNIQUE INDEX invoices_order_id_key ON billing.invoices (order_id) WHERE kind = 'invoice';
-- An order's papers.
CREATE INDEX invoices_order_id_id_idx ON billing.invoices (order_id, id);
-- A person's papers, newest first: ids of version 7 sort by time.
CREATE INDEX invoices_user_id_id_idx ON billing.invoices (user_id, id DESC);

GRANT SELECT, INSERT, UPDATE ON billing.invoice_counters TO app;
GRANT SELECT, INSERT ON billing.invoices TO app;
-- What was issued cannot be edited: the application may only note what became of it.
GRANT UPDATE (rendered_at, sent_at) ON billing.invoices TO app;
