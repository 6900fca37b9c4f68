--- refused: a table
DROP TABLE orders.timeline;

--- refused: a view
DROP VIEW orders.sales;

--- refused: a constraint, which the running release relies on
ALTER TABLE orders.orders DROP CONSTRAINT orders_number_key;

--- refused: ignored since this very release
-- ignored since 2.0.0
DROP TABLE orders.timeline;

--- refused: a unique index, which ON CONFLICT needs
-- no-transaction
DROP INDEX CONCURRENTLY IF EXISTS orders.orders_number_key;

--- accepted
-- ignored since 1.9.2
DROP TABLE orders.timeline;

--- accepted
-- ignored since 1.9.2
ALTER TABLE orders.orders DROP CONSTRAINT orders_number_key;
