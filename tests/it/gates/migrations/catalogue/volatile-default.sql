--- refused: a time of its own for each row
ALTER TABLE orders.orders ADD COLUMN seen_at timestamptz DEFAULT clock_timestamp();

--- refused: a generated column
ALTER TABLE orders.orders ADD COLUMN label text GENERATED ALWAYS AS (city || name) STORED;

--- accepted
ALTER TABLE orders.orders ADD COLUMN seen_at timestamptz DEFAULT now();
