--- refused: a right
GRANT SELECT ON users.users TO app;

--- refused: a right in a whole schema
GRANT USAGE ON SCHEMA billing TO app;

--- refused: a right for somebody else
GRANT SELECT ON orders.orders TO reporting;

--- refused: a column's foreign key
CREATE TABLE orders.notes (id uuid CONSTRAINT notes_pkey PRIMARY KEY, user_id uuid CONSTRAINT notes_user_id_fkey REFERENCES users.users (id));

--- refused: a view
CREATE VIEW orders.payers AS SELECT id FROM billing.payments;

--- accepted
CREATE TABLE orders.notes (id uuid CONSTRAINT notes_pkey PRIMARY KEY, user_id uuid NOT NULL);
GRANT SELECT, INSERT ON orders.notes TO app;
