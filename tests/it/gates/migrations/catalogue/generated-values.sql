--- refused: a sequence that begins anew
ALTER SEQUENCE orders.order_numbers RESTART WITH 1;

--- accepted
CREATE SEQUENCE orders.return_numbers START 100001;
