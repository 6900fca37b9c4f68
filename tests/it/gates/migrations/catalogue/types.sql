--- refused: time without a zone
ALTER TABLE orders.orders ADD COLUMN seen_at timestamp;

--- accepted
ALTER TABLE orders.orders ADD COLUMN seen_at timestamptz;
