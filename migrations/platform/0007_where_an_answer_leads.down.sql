ALTER TABLE platform.idempotency_keys DROP COLUMN location, DROP COLUMN set_cookie;
