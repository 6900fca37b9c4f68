--- refused: with a new column
ALTER TABLE orders.orders ADD COLUMN reference text CONSTRAINT orders_reference_key UNIQUE;

--- accepted
ALTER TABLE orders.orders ADD COLUMN reference text;
