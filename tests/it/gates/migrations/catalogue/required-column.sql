--- refused: NOT NULL among others
ALTER TABLE orders.orders ADD COLUMN region text, ADD COLUMN channel text NOT NULL;

--- accepted
ALTER TABLE orders.orders ADD COLUMN region text, ADD COLUMN channel text NOT NULL DEFAULT 'web';
