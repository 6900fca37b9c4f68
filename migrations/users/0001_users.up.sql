-- Everybody who can sign in, customers and staff alike.
CREATE TABLE users.users (
    id uuid CONSTRAINT users_pkey PRIMARY KEY,
    email text NOT NULL,
    -- NULL until the person has opened a link that was mailed to the address.
    email_verified_at timestamptz,
    name text NOT NULL,
    -- A PHC string, so that each row says with which parameters it was made and sign-in can renew old ones.
    password_hash text NOT NULL,
    role text NOT NULL,
    -- Sessions and tokens carry the number they were made under and end when it moves on. One UPDATE in the person's own
    -- transaction so ends all of them at once, with Redis up or down.
    session_generation integer NOT NULL DEFAULT 1,
    -- Set: no sign-in, no session and no token of this account is valid.
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_email_length CHECK (char_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    CONSTRAINT users_role_known CHECK (role IN ('customer', 'support', 'finance', 'admin'))
);

-- People write their address as they like: Ann@example.com and ann@example.com are one mailbox everywhere that matters.
CREATE UNIQUE INDEX users_email_key ON users.users (lower(email));

-- The links that mails carry. The token itself stands in the mail alone; here is its SHA-256.
-- A link is used by deleting its row, so it works once, however many requests race for it.
CREATE TABLE users.mailed_links (
    token_hash bytea CONSTRAINT mailed_links_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT mailed_links_user_id_fkey REFERENCES users.users (id) ON DELETE CASCADE,
    purpose text NOT NULL,
    -- Where the link was sent. Opening it proves that this mailbox is read, and no other.
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT mailed_links_token_hash_length CHECK (octet_length(token_hash) = 32),
    CONSTRAINT mailed_links_purpose_known CHECK (purpose IN ('verify_email', 'reset_password', 'change_email'))
);

CREATE INDEX mailed_links_user_id_idx ON users.mailed_links (user_id, purpose, created_at);
-- Serves the purge.
CREATE INDEX mailed_links_expires_at_idx ON users.mailed_links (expires_at);

-- One sign-in of a program. Refresh tokens point here; whoever rotates or ends them locks this row first, so that ending the
-- family waits for a rotation in flight and then takes its new token with it.
CREATE TABLE users.token_families (
    id uuid CONSTRAINT token_families_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT token_families_user_id_fkey REFERENCES users.users (id) ON DELETE CASCADE,
    session_generation integer NOT NULL,
    created_at timestamptz NOT NULL,
    -- The end of the whole family: rotation gives a new token, not more time.
    expires_at timestamptz NOT NULL
);

CREATE INDEX token_families_user_id_idx ON users.token_families (user_id);
-- Serves the purge.
CREATE INDEX token_families_expires_at_idx ON users.token_families (expires_at);

-- Used tokens stay until their family ends: seeing one again is how a theft shows.
CREATE TABLE users.refresh_tokens (
    token_hash bytea CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
    family_id uuid NOT NULL CONSTRAINT refresh_tokens_family_id_fkey REFERENCES users.token_families (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT refresh_tokens_token_hash_length CHECK (octet_length(token_hash) = 32)
);

CREATE INDEX refresh_tokens_family_id_idx ON users.refresh_tokens (family_id);

-- One uploaded picture each. Object keys are made from the id, so none is stored.
CREATE TABLE users.avatars (
    id uuid CONSTRAINT avatars_pkey PRIMARY KEY,
    user_id uuid NOT NULL CONSTRAINT avatars_user_id_fkey REFERENCES users.users (id) ON DELETE CASCADE,
    status text NOT NULL,
    -- What the uploader says the file is; the job looks for itself.
    content_type text NOT NULL,
    -- Why the picture was refused, in words for its owner.
    refusal text,
    created_at timestamptz NOT NULL,
    CONSTRAINT avatars_status_known CHECK (status IN ('pending', 'processing', 'ready', 'rejected')),
    CONSTRAINT avatars_content_type_known CHECK (content_type IN ('image/png', 'image/jpeg', 'image/webp')),
    CONSTRAINT avatars_refusal_explains_rejection CHECK ((status = 'rejected') = (refusal IS NOT NULL))
);

-- The newest upload of a person.
CREATE INDEX avatars_user_id_idx ON users.avatars (user_id, id);
-- A person has one picture at a time.
CREATE UNIQUE INDEX avatars_current_key ON users.avatars (user_id) WHERE status = 'ready';
-- Serves the purge of uploads that were never finished or were refused.
CREATE INDEX avatars_unfinished_idx ON users.avatars (created_at) WHERE status <> 'ready';

GRANT USAGE ON SCHEMA users TO app;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON users.users, users.mailed_links, users.token_families, users.refresh_tokens, users.avatars TO app;
