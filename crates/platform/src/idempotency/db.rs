use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Answer, Request};

pub(super) struct Kept {
    pub(super) fingerprint: [u8; 32],
    pub(super) answer: Option<Answer>,
}

/// Inserts the key, or takes over one of the same request whose claim has run out. `false` if it is somebody else's.
pub(super) async fn claim(
    connection: &mut PgConnection,
    request: &Request,
    now: DateTime<Utc>,
    locked_until: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let claimed = sqlx::query!(
        "INSERT INTO platform.idempotency_keys AS kept (user_id, key, fingerprint, locked_until, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, key) DO UPDATE SET locked_until = excluded.locked_until
         WHERE kept.status IS NULL AND kept.locked_until <= $5 AND kept.fingerprint = excluded.fingerprint
         -- waive repeated: a second click looks again until the first one is answered",
        request.user_id.as_uuid(),
        request.key,
        &request.fingerprint[..],
        locked_until,
        now,
    )
    .execute(connection)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

pub(super) async fn find(
    connection: &mut PgConnection,
    request: &Request,
) -> sqlx::Result<Option<Kept>> {
    let row = sqlx::query!(
        "SELECT fingerprint, status, content_type, location, set_cookie, body FROM platform.idempotency_keys
         WHERE user_id = $1 AND key = $2
         -- waive repeated: a second click looks again until the first one is answered",
        request.user_id.as_uuid(),
        request.key,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let fingerprint = row.fingerprint.try_into();
        let answer = row.status.zip(row.body).map(|(status, body)| {
            let status = u16::try_from(status);
            status.map(|status| Answer {
                status,
                content_type: row.content_type,
                location: row.location,
                set_cookie: row.set_cookie,
                body: body.into(),
            })
        });
        Ok(Kept {
            fingerprint: fingerprint.map_err(|_| sqlx::Error::Decode("32 bytes".into()))?,
            answer: answer
                .transpose()
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
        })
    })
    .transpose()
}

/// `false` if the claim that ends at `locked_until` is not the key's any more.
pub(super) async fn keep(
    connection: &mut PgConnection,
    request: &Request,
    locked_until: DateTime<Utc>,
    answer: &Answer,
) -> sqlx::Result<bool> {
    let kept = sqlx::query!(
        "UPDATE platform.idempotency_keys
         SET status = $4, content_type = $5, location = $6, set_cookie = $7, body = $8
         WHERE user_id = $1 AND key = $2 AND locked_until = $3 AND status IS NULL",
        request.user_id.as_uuid(),
        request.key,
        locked_until,
        i16::try_from(answer.status).unwrap_or(i16::MAX),
        answer.content_type,
        answer.location,
        answer.set_cookie,
        &answer.body[..],
    )
    .execute(connection)
    .await?;
    Ok(kept.rows_affected() == 1)
}

pub(super) async fn give_back(
    connection: &mut PgConnection,
    request: &Request,
    locked_until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM platform.idempotency_keys
         WHERE user_id = $1 AND key = $2 AND locked_until = $3 AND status IS NULL",
        request.user_id.as_uuid(),
        request.key,
        locked_until,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn purge(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM platform.idempotency_keys WHERE (user_id, key) IN (
             SELECT user_id, key FROM platform.idempotency_keys
             WHERE created_at < $1 ORDER BY created_at LIMIT 1000
         )",
        before,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
