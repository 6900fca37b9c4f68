-- A file that a customer has put to an order, or is about to. Object keys are made from the id, so none is stored.
CREATE TABLE orders.attachments (
    id uuid CONSTRAINT attachments_pkey PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT attachments_order_id_fkey REFERENCES orders.orders (id),
    -- What the customer calls the file: for people to read, and never part of a key.
    name text NOT NULL,
    -- What the uploader says the file is. From when it is attached on, that is what its first bytes say, too.
    content_type text NOT NULL,
    created_at timestamptz NOT NULL,
    -- Both NULL until the file has arrived and was looked at. Until then nobody is shown it.
    size bigint,
    attached_at timestamptz,
    CONSTRAINT attachments_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT attachments_content_type_known
        CHECK (content_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')),
    CONSTRAINT attachments_size_bounded CHECK (size BETWEEN 1 AND 10485760),
    CONSTRAINT attachments_attached_whole CHECK ((size IS NULL) = (attached_at IS NULL))
);

-- An order's files in the order in which they came, and the foreign key. Uploads that are never finished need none:
-- each has a job of its own that deletes it.
CREATE INDEX attachments_order_id_idx ON orders.attachments (order_id, id);

GRANT SELECT, INSERT, UPDATE, DELETE ON orders.attachments TO app;
