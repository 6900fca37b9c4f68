-- What else an answer consists of, besides status and body. Answers of a release before have neither.
ALTER TABLE platform.idempotency_keys
    -- Where the thing is that the request made, or where its form leads to (header `Location`).
    ADD COLUMN location text,
    -- The message for the next page (header `Set-Cookie`). A session's cookie would be a secret: no request that sets one
    -- has a key.
    ADD COLUMN set_cookie text;
