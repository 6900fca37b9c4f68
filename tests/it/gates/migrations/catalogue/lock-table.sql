--- refused: also in a weaker mode
LOCK TABLE orders.orders IN SHARE MODE;

--- accepted
CREATE TABLE orders.fresh (id uuid CONSTRAINT fresh_pkey PRIMARY KEY);
LOCK TABLE orders.fresh IN SHARE MODE;
