COMMENT ON TABLE orders.categories IS NULL;
