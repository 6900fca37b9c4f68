COMMENT ON COLUMN users.users.email IS NULL;
COMMENT ON COLUMN users.users.name IS NULL;
COMMENT ON COLUMN users.users.password_hash IS NULL;
COMMENT ON COLUMN users.mailed_links.token_hash IS NULL;
COMMENT ON COLUMN users.mailed_links.email IS NULL;
COMMENT ON COLUMN users.refresh_tokens.token_hash IS NULL;
COMMENT ON COLUMN users.avatars.refusal IS NULL;
