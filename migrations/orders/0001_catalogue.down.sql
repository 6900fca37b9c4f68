DROP TABLE orders.products;
DROP TABLE orders.categories;
