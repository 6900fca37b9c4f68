--- refused: also with a condition
UPDATE orders.orders SET status = 'cancelled' WHERE placed_at < '2020-01-01';

--- refused: a DELETE
DELETE FROM orders.timeline WHERE entered_at < '2020-01-01';

--- refused: hidden in a WITH
WITH gone AS (DELETE FROM orders.timeline RETURNING order_id) SELECT count(*) FROM gone;

--- refused: a MERGE
MERGE INTO orders.orders AS o USING orders.timeline AS t ON t.order_id = o.id WHEN MATCHED THEN UPDATE SET status = t.status;

--- accepted
CREATE TABLE orders.closed (order_id uuid CONSTRAINT closed_pkey PRIMARY KEY);
INSERT INTO orders.closed (order_id) SELECT id FROM orders.orders WHERE status = 'cancelled';
