--- refused: ended in the middle
ALTER TABLE orders.orders ADD COLUMN region text;
COMMIT;

--- accepted
ALTER TABLE orders.orders ADD COLUMN region text;
