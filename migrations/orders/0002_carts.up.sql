-- What somebody means to buy. It belongs to a person, or to a browser that has not signed in and shows a token.
CREATE TABLE orders.carts (
    id uuid CONSTRAINT carts_pkey PRIMARY KEY,
    user_id uuid CONSTRAINT carts_user_id_key UNIQUE,
    -- SHA-256 of the browser's token.
    token_hash bytea CONSTRAINT carts_token_hash_key UNIQUE,
    -- When it was last changed: what an abandoned cart is judged by.
    changed_at timestamptz NOT NULL,
    CONSTRAINT carts_owner_check CHECK (num_nonnulls(user_id, token_hash) = 1),
    CONSTRAINT carts_token_hash_check CHECK (octet_length(token_hash) = 32)
);

-- Serves the purge of abandoned carts. A person's cart is kept for as long as the person.
CREATE INDEX carts_abandoned_idx ON orders.carts (changed_at) WHERE token_hash IS NOT NULL;

-- Quantities alone: a cart always shows today's title and price, and the order takes the snapshot.
CREATE TABLE orders.cart_lines (
    cart_id uuid NOT NULL CONSTRAINT cart_lines_cart_id_fkey REFERENCES orders.carts (id) ON DELETE CASCADE,
    product_id uuid NOT NULL CONSTRAINT cart_lines_product_id_fkey REFERENCES orders.products (id),
    quantity integer NOT NULL CONSTRAINT cart_lines_quantity_check CHECK (quantity BETWEEN 1 AND 99),
    CONSTRAINT cart_lines_pkey PRIMARY KEY (cart_id, product_id)
);

CREATE INDEX cart_lines_product_id_idx ON orders.cart_lines (product_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON orders.carts, orders.cart_lines TO app;
