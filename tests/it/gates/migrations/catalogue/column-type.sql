--- refused: computed from the old one
ALTER TABLE orders.orders ALTER COLUMN city TYPE jsonb USING to_jsonb(city);

--- accepted
ALTER TABLE orders.orders ADD COLUMN place jsonb;
