DROP TABLE orders.cart_lines;
DROP TABLE orders.carts;
