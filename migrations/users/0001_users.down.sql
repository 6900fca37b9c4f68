DROP TABLE users.avatars;
DROP TABLE users.refresh_tokens;
DROP TABLE users.token_families;
DROP TABLE users.mailed_links;
DROP TABLE users.users;
REVOKE USAGE ON SCHEMA users FROM app;
