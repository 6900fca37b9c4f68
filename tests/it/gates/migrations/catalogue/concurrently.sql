--- refused: also a unique index
CREATE UNIQUE INDEX orders_reference_key ON orders.orders (reference);

--- refused: rebuilding one
REINDEX INDEX orders.orders_history_idx;

--- accepted
-- no-transaction
REINDEX INDEX CONCURRENTLY orders.orders_history_idx;

--- accepted
CREATE TABLE orders.notes (id uuid CONSTRAINT notes_pkey PRIMARY KEY, order_id uuid NOT NULL);
CREATE INDEX notes_order_id_idx ON orders.notes (order_id);

--- refused: dropping one
-- ignored since 1.4.0
DROP INDEX orders.orders_history_idx;

--- accepted
-- no-transaction
-- ignored since 1.4.0
DROP INDEX CONCURRENTLY IF EXISTS orders.orders_history_idx;
