--- refused: a table
ALTER TABLE orders.orders RENAME TO purchases;

--- refused: a constraint, whose name the code knows
ALTER TABLE orders.orders RENAME CONSTRAINT orders_number_key TO orders_unique_number;

--- refused: into another schema
ALTER TABLE orders.orders SET SCHEMA archive;

--- accepted
CREATE VIEW orders.purchases AS SELECT id, total FROM orders.orders;
