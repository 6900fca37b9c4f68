--- refused: CONCURRENTLY in a transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_city_idx ON orders.orders (city);

--- refused: cannot be run again
-- no-transaction
CREATE INDEX CONCURRENTLY orders_city_idx ON orders.orders (city);

--- refused: two at once
-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_city_idx ON orders.orders (city);
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_name_idx ON orders.orders (name);

--- accepted
-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_city_idx ON orders.orders (city);
