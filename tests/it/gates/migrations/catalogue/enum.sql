--- refused: another value
ALTER TYPE orders.channel ADD VALUE 'shop' AFTER 'web';

--- accepted
ALTER TABLE orders.orders
    DROP CONSTRAINT orders_status_check,
    ADD CONSTRAINT orders_status_check CHECK (status IN ('placed', 'paid', 'shipped', 'lost')) NOT VALID;
