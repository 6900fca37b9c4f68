CREATE TABLE orders.categories (
    -- The name in addresses, and the key: a category has no life apart from it.
    slug text CONSTRAINT categories_pkey PRIMARY KEY,
    title text NOT NULL,
    -- Where it stands in the menu.
    position smallint NOT NULL CONSTRAINT categories_position_key UNIQUE,
    CONSTRAINT categories_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

CREATE TABLE orders.products (
    id uuid CONSTRAINT products_pkey PRIMARY KEY,
    -- The name in addresses. It never changes: links to it are out in the world.
    slug text NOT NULL CONSTRAINT products_slug_key UNIQUE,
    category text NOT NULL CONSTRAINT products_category_fkey REFERENCES orders.categories (slug),
    title text NOT NULL,
    summary text NOT NULL,
    description text NOT NULL,
    -- In minor units. The upper bound keeps every sum that a cart can reach far inside a bigint, and nothing is free
    -- because no payment provider takes a payment of nothing.
    price bigint NOT NULL CONSTRAINT products_price_check CHECK (price BETWEEN 1 AND 1000000000),
    -- A product's currency never changes, because carts hold products of one currency alone.
    currency text NOT NULL CONSTRAINT products_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    -- The last lock on the promise not to sell what is not there. The first is the order's own check, the second the
    -- condition of the UPDATE that takes stock.
    stock integer NOT NULL CONSTRAINT products_stock_check CHECK (stock >= 0),
    -- The file's name under `products/` in object storage. It changes with the picture's content, so that browsers may
    -- keep what they have fetched for ever.
    picture text NOT NULL,
    -- Off: no longer shown or sold. Rows stay, because order lines point at them.
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    -- What a search looks through, the title weighing most. Generated, so that no writer can forget it.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('english', summary), 'B')
        || setweight(to_tsvector('english', description), 'C')
    ) STORED,
    CONSTRAINT products_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$')
);

-- The lists, newest first. Ids of version 7 sort by time, so the id alone is the sort key and the cursor.
CREATE INDEX products_newest_idx ON orders.products (id DESC) WHERE active;
CREATE INDEX products_category_newest_idx ON orders.products (category, id DESC) WHERE active;
-- The foreign key, for inactive rows too.
CREATE INDEX products_category_idx ON orders.products (category);
-- Finds what matches a search. No index can hold the order by relevance, which depends on the words sought: the matches
-- are sorted, and they are few beside the catalogue.
CREATE INDEX products_search_idx ON orders.products USING gin (search) WHERE active;

GRANT USAGE ON SCHEMA orders TO app;
-- No DELETE: order lines point at products for as long as there are orders.
GRANT SELECT, INSERT, UPDATE ON orders.categories, orders.products TO app;
