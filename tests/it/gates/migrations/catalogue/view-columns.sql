--- given
CREATE VIEW orders.sales (id, total) AS SELECT id, total FROM orders.orders;

--- refused: one fewer
CREATE OR REPLACE VIEW orders.sales (id) AS SELECT id FROM orders.orders;

--- refused: whatever the table has
CREATE OR REPLACE VIEW orders.sales AS SELECT * FROM orders.orders;

--- accepted
CREATE OR REPLACE VIEW orders.sales (id, total) AS SELECT id, total * 2 FROM orders.orders;
