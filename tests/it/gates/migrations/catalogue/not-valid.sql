--- refused: a foreign key
ALTER TABLE orders.orders ADD CONSTRAINT orders_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES orders.orders (id);

--- refused: checked in the same transaction
ALTER TABLE orders.orders ADD CONSTRAINT orders_city_check CHECK (city <> '') NOT VALID;
ALTER TABLE orders.orders VALIDATE CONSTRAINT orders_city_check;

--- refused: with a new column
ALTER TABLE orders.orders ADD COLUMN parent_id uuid CONSTRAINT orders_parent_id_fkey REFERENCES orders.orders (id);

--- accepted
ALTER TABLE orders.orders ADD COLUMN parent_id uuid;
ALTER TABLE orders.orders ADD CONSTRAINT orders_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES orders.orders (id) NOT VALID;

--- accepted
ALTER TABLE orders.orders VALIDATE CONSTRAINT orders_parent_id_fkey;
