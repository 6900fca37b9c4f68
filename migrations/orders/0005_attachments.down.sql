DROP TABLE orders.attachments;
