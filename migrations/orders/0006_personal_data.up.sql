-- Whose words a column holds, and what becomes of them when the person leaves: read by `cargo xtask gates personal`.
COMMENT ON COLUMN orders.categories.slug IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.categories.title IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.slug IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.category IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.title IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.summary IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.description IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.products.picture IS 'not personal: the catalogue''s';
COMMENT ON COLUMN orders.carts.token_hash IS 'not personal: the hash of a secret';
COMMENT ON COLUMN orders.orders.email IS 'personal: replaced when the account is erased; the invoice keeps it';
COMMENT ON COLUMN orders.orders.name IS 'personal: replaced when the account is erased; the invoice keeps it';
COMMENT ON COLUMN orders.orders.street IS 'personal: replaced when the account is erased; the invoice keeps it';
COMMENT ON COLUMN orders.orders.postal_code IS 'personal: replaced when the account is erased; the invoice keeps it';
COMMENT ON COLUMN orders.orders.city IS 'personal: replaced when the account is erased; the invoice keeps it';
COMMENT ON COLUMN orders.orders.country IS 'personal: kept: with nothing else it leads to nobody';
COMMENT ON COLUMN orders.order_lines.title IS 'not personal: the catalogue''s, as it was';
COMMENT ON COLUMN orders.attachments.name IS 'personal: deleted with the file when the account is erased';
COMMENT ON COLUMN orders.attachments.content_type IS 'not personal: the kind of a file';
