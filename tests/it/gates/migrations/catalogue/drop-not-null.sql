--- refused: read by the list of orders
ALTER TABLE orders.orders ALTER COLUMN placed_at DROP NOT NULL;

--- accepted
ALTER TABLE orders.orders ADD COLUMN delivered_at timestamptz;
