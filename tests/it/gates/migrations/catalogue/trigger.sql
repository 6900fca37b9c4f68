--- refused: switched off
ALTER TABLE orders.orders DISABLE TRIGGER ALL;

--- accepted
CREATE FUNCTION orders.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
