-- The numbers that people quote. A sequence leaves gaps, which an order number may have and an invoice number may not.
CREATE SEQUENCE orders.order_numbers START 100001;

CREATE TABLE orders.orders (
    id uuid CONSTRAINT orders_pkey PRIMARY KEY,
    number bigint NOT NULL DEFAULT nextval('orders.order_numbers') CONSTRAINT orders_number_key UNIQUE,
    user_id uuid NOT NULL,
    status text NOT NULL,
    -- In minor units. Lines have no currency of their own, so an order cannot mix two.
    total bigint NOT NULL CONSTRAINT orders_total_check CHECK (total > 0),
    currency text NOT NULL CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    -- Where to write and where to deliver, as they were when the order was placed.
    email text NOT NULL,
    name text NOT NULL,
    street text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    -- ISO 3166-1 alpha-2.
    country text NOT NULL CONSTRAINT orders_country_check CHECK (country ~ '^[A-Z]{2}$'),
    -- The payment that paid the order: hearing of it a second time changes nothing.
    payment_id uuid CONSTRAINT orders_payment_id_key UNIQUE,
    placed_at timestamptz NOT NULL,
    CONSTRAINT orders_status_check
        CHECK (status IN ('placed', 'paid', 'shipped', 'completed', 'cancelled', 'refunded')),
    CONSTRAINT orders_payment_check CHECK ((payment_id IS NULL) = (status IN ('placed', 'cancelled')))
);

-- A person's history, newest first.
CREATE INDEX orders_history_idx ON orders.orders (user_id, placed_at DESC, id DESC);
-- Orders that wait for their payment, which the schedule cancels by age.
CREATE INDEX orders_unpaid_idx ON orders.orders (placed_at) WHERE status = 'placed';

-- A snapshot: the product may change its title and price later, what was ordered may not.
CREATE TABLE orders.order_lines (
    order_id uuid NOT NULL CONSTRAINT order_lines_order_id_fkey REFERENCES orders.orders (id),
    product_id uuid NOT NULL CONSTRAINT order_lines_product_id_fkey REFERENCES orders.products (id),
    title text NOT NULL,
    quantity integer NOT NULL CONSTRAINT order_lines_quantity_check CHECK (quantity BETWEEN 1 AND 99),
    unit_price bigint NOT NULL CONSTRAINT order_lines_unit_price_check CHECK (unit_price > 0),
    CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, product_id)
);

CREATE INDEX order_lines_product_id_idx ON orders.order_lines (product_id);

-- When the order entered each status. The status machine has no circle, so the key refuses a transition made twice.
CREATE TABLE orders.timeline (
    order_id uuid NOT NULL CONSTRAINT timeline_order_id_fkey REFERENCES orders.orders (id),
    status text NOT NULL CONSTRAINT timeline_status_check
        CHECK (status IN ('placed', 'paid', 'shipped', 'completed', 'cancelled', 'refunded')),
    entered_at timestamptz NOT NULL,
    CONSTRAINT timeline_pkey PRIMARY KEY (order_id, status)
);

GRANT USAGE ON SEQUENCE orders.order_numbers TO app;
-- Orders are kept, and what was ordered and when it moved is never rewritten.
GRANT SELECT, INSERT, UPDATE ON orders.orders TO app;
GRANT SELECT, INSERT ON orders.order_lines, orders.timeline TO app;
