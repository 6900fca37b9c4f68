--- refused: nothing is wrong
-- waive lock-table: two dozen rows that nobody writes
ALTER TABLE orders.orders ADD COLUMN region text;

--- refused: squawk's own
-- squawk-ignore ban-drop-table
ALTER TABLE orders.orders ADD COLUMN region text;

--- refused: a rule that is not there
-- waive everything: because I say so, and no more
ALTER TABLE orders.orders ADD COLUMN region text;

--- accepted
-- waive batchless-write: forty products, which only the staff changes
UPDATE orders.products SET active = false WHERE stock = 0;
