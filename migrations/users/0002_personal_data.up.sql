-- Whose words a column holds, and what becomes of them when the person leaves: read by `cargo xtask gates personal`.
COMMENT ON COLUMN users.users.email IS 'personal: replaced when the account is erased';
COMMENT ON COLUMN users.users.name IS 'personal: replaced when the account is erased';
COMMENT ON COLUMN users.users.password_hash IS 'personal: cleared when the account is erased';
COMMENT ON COLUMN users.mailed_links.token_hash IS 'not personal: the hash of a secret';
COMMENT ON COLUMN users.mailed_links.email IS 'personal: deleted when the account is erased, and a day after the link has expired';
COMMENT ON COLUMN users.refresh_tokens.token_hash IS 'not personal: the hash of a secret';
COMMENT ON COLUMN users.avatars.refusal IS 'not personal: a sentence of ours about a file';
