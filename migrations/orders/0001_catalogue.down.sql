DROP TABLE orders.products;
DROP TABLE orders.categories;
REVOKE USAGE ON SCHEMA orders FROM app;
