--- refused: without one, the running release's inserts fail
ALTER TABLE orders.orders ALTER COLUMN number DROP DEFAULT;

--- accepted
ALTER TABLE orders.orders ADD COLUMN batch bigint NOT NULL DEFAULT 0;
