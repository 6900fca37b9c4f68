ALTER TABLE orders.orders DROP COLUMN search;
