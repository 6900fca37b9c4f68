--- refused: CLUSTER
CLUSTER orders.orders USING orders_history_idx;

--- refused: SET TABLESPACE
ALTER TABLE orders.orders SET TABLESPACE fast;

--- refused: SET UNLOGGED
ALTER TABLE orders.carts SET UNLOGGED;

--- refused: in brackets
-- no-transaction
VACUUM (FULL, ANALYZE) orders.orders;

--- accepted
ALTER TABLE orders.orders SET (fillfactor = 90);
