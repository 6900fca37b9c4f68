-- What customers find an order by: its number and the titles of what was ordered. Unlike a product's it cannot be
-- generated, because the titles are another table's. What was ordered never changes, so it is written once. Orders of a
-- release before have none, and are not found, until the backfill `orders.fill_search` has reached them.
ALTER TABLE orders.orders ADD COLUMN search tsvector;
