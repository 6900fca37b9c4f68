-- What does not grow with the number of users may be read from end to end: the gate of the plans asks for no index there.
COMMENT ON TABLE orders.categories IS 'bounded: the shelves of the shop, a few dozen at most';
