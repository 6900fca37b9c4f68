DROP TABLE orders.timeline;
DROP TABLE orders.order_lines;
DROP TABLE orders.orders;
DROP SEQUENCE orders.order_numbers;
