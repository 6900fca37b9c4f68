--- refused: a role
CREATE ROLE reporting LOGIN;

--- refused: a setting
ALTER DATABASE shop SET work_mem = '64MB';

--- accepted
COMMENT ON TABLE orders.orders IS 'what people bought';
