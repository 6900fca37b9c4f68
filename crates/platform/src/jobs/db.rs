mod dead;
mod ends;

use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::JobId;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;
use uuid::Uuid;

pub(super) use self::dead::{discard, list_dead, revive};
pub(super) use self::ends::{bury, complete, hand_back, retry};
use super::{NewJob, Queue};

/// The channel on which workers are called: `queue` for a job that is due, `queue@milliseconds` for one that will be then.
pub(super) const CHANNEL: &str = "platform_jobs";

/// How many vanished workers a job survives (requirement E4).
const MAX_DEATHS: i32 = 3;

/// A job that this process may run until its lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) kind: String,
    pub(crate) version: i16,
    pub(crate) queue: String,
    pub(crate) payload: Value,
    pub(crate) attempt: i16,
    pub(crate) max_attempts: i16,
    pub(crate) correlation_id: Option<String>,
    pub(crate) lease_token: Uuid,
    pub(crate) enqueued_at: DateTime<Utc>,
}

/// Inserts a job of each kind, and returns whether any was new: a unique key that is taken does not abort the caller's
/// transaction.
pub(super) async fn insert(
    connection: &mut PgConnection,
    ids: &[Uuid],
    kinds: &[&str],
    job: &NewJob,
    correlation_id: Option<&str>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO platform.jobs
             (id, kind, version, queue, priority, payload, unique_key, max_attempts, run_at, correlation_id, enqueued_at)
         SELECT new.id, new.kind, $3, $4, $5, $6, $7, $8, $9, $10, $11
         FROM unnest($1::uuid[], $2::text[]) AS new (id, kind)
         ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING",
        ids,
        kinds as &[&str],
        job.version,
        job.queue.as_str(),
        job.priority,
        job.payload,
        job.unique_key,
        job.max_attempts,
        job.run_at,
        correlation_id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Calls the workers once the transaction has committed.
pub(super) async fn notify(
    connection: &mut PgConnection,
    queue: &str,
    run_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let message = if run_at <= now {
        queue.to_owned()
    } else {
        format!("{queue}@{}", run_at.timestamp_millis())
    };
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, message)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes up to `limit` due jobs of `queue` under a new lease each.
///
/// Leases are counted on the database's clock, the one that all workers share.
pub(super) async fn claim(
    connection: &mut PgConnection,
    queue: Queue,
    now: DateTime<Utc>,
    lease: Duration,
    limit: i64,
) -> sqlx::Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        "WITH due AS (
             SELECT id FROM platform.jobs
             WHERE queue = $1 AND state = 'ready' AND run_at <= $2
             ORDER BY priority DESC, run_at, id
             LIMIT $3
             FOR UPDATE SKIP LOCKED
         )
         UPDATE platform.jobs AS job
         SET state = 'running', attempt = attempt + 1,
             lease_token = gen_random_uuid(), lease_until = clock_timestamp() + $4::interval
         FROM due WHERE job.id = due.id
         RETURNING job.id, job.kind, job.version, job.queue, job.payload, job.attempt, job.max_attempts, job.correlation_id,
             job.lease_token AS \"lease_token!\", job.enqueued_at",
        queue.as_str(),
        now,
        limit,
        interval(lease),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            id: JobId::from_uuid(row.id),
            kind: row.kind,
            version: row.version,
            queue: row.queue,
            payload: row.payload,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            correlation_id: row.correlation_id,
            lease_token: row.lease_token,
            enqueued_at: row.enqueued_at,
        })
        .collect())
}

/// Prolongs the leases of runs that are still going on.
pub(super) async fn heartbeat(
    connection: &mut PgConnection,
    lease_tokens: &[Uuid],
    lease: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.jobs SET lease_until = clock_timestamp() + $2::interval
         -- waive scan: the running jobs alone, of which there are as many as workers have places
         WHERE state = 'running' AND lease_token = ANY($1) AND lease_until > clock_timestamp()",
        lease_tokens,
        interval(lease),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes jobs back from workers that have vanished; returns the kinds of those that are dead now.
pub(super) async fn rescue(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Rescued>> {
    sqlx::query_as!(
        Rescued,
        r#"WITH lost AS (
             SELECT id, deaths + 1 >= $2 OR attempt >= max_attempts AS hopeless FROM platform.jobs
             WHERE state = 'running' AND lease_until < statement_timestamp()
             ORDER BY lease_until
             LIMIT 1000
             FOR UPDATE SKIP LOCKED
         )
         UPDATE platform.jobs AS job
         SET state = CASE WHEN hopeless THEN 'dead' ELSE 'ready' END,
             finished_at = CASE WHEN hopeless THEN $1::timestamptz END,
             deaths = deaths + 1, lease_token = NULL, lease_until = NULL,
             last_error = 'the worker vanished during the run'
         FROM lost WHERE job.id = lost.id
         RETURNING job.id, job.kind, job.queue, lost.hopeless AS "dead!""#,
        now,
        MAX_DEATHS,
    )
    .fetch_all(connection)
    .await
}

/// A job that was taken back.
pub(super) struct Rescued {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) queue: String,
    pub(super) dead: bool,
}

pub(super) async fn purge(
    connection: &mut PgConnection,
    before: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM platform.jobs WHERE id IN (
             SELECT id FROM platform.jobs WHERE state = 'done' AND finished_at < $1 ORDER BY finished_at LIMIT 1000
         )",
        before,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}

/// How full a queue is.
pub(super) struct Depth {
    pub(super) queue: String,
    pub(super) waiting: i64,
    pub(super) dead: i64,
    pub(super) oldest_due: Option<DateTime<Utc>>,
    pub(super) next_due: Option<DateTime<Utc>>,
}

pub(super) async fn depths(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Depth>> {
    sqlx::query_as!(
        Depth,
        r#"SELECT queue,
             count(*) FILTER (WHERE state = 'ready' AND run_at <= $1) AS "waiting!",
             count(*) FILTER (WHERE state = 'dead') AS "dead!",
             min(run_at) FILTER (WHERE state = 'ready' AND run_at <= $1) AS oldest_due,
             min(run_at) FILTER (WHERE state = 'ready' AND run_at > $1) AS next_due
         FROM platform.jobs
         -- waive scan: asked once in five seconds, and what waits is little unless something is wrong
         WHERE state IN ('ready', 'dead') GROUP BY queue"#,
        now,
    )
    .fetch_all(connection)
    .await
}

fn interval(duration: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}
