--- refused: another owner
ALTER TABLE orders.orders OWNER TO app;

--- accepted
GRANT SELECT ON orders.orders TO app;
