use chrono::{DateTime, Utc};
use kernel::JobId;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Standing, State};

/// What must be known of a backfill to change it.
pub(super) struct Known {
    pub(super) version: i16,
    pub(super) state: State,
    pub(super) last_key: Option<Value>,
    pub(super) batch_size: i32,
    pub(super) job_id: JobId,
}

/// A backfill that is begun.
pub(super) struct Begun<'a> {
    pub(super) name: &'a str,
    pub(super) version: i16,
    pub(super) batch_size: i32,
    pub(super) job_id: JobId,
    /// The job of the run before, which this transaction has locked.
    pub(super) instead_of: Option<JobId>,
    pub(super) at: DateTime<Utc>,
}

/// What a batch has done, and what follows.
pub(super) struct Step<'a> {
    pub(super) last_key: Option<&'a Value>,
    pub(super) looked_at: i64,
    pub(super) changed: i64,
    pub(super) batch_size: i32,
    pub(super) job_id: JobId,
    pub(super) finished_at: Option<DateTime<Utc>>,
}

/// A backfill with the job of its next batch.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: i16,
    state: String,
    last_key: Option<Value>,
    looked_at: i64,
    changed: i64,
    batches: i64,
    batch_size: i32,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    job_state: Option<String>,
    run_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

/// The backfill, locked until the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection, name: &str) -> sqlx::Result<Option<Known>> {
    let row = sqlx::query!(
        "SELECT version, state, last_key, batch_size, job_id FROM platform.backfills WHERE name = $1 FOR UPDATE",
        name,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Known {
            version: row.version,
            state: state(&row.state)?,
            last_key: row.last_key,
            batch_size: row.batch_size,
            job_id: JobId::from_uuid(row.job_id),
        })
    })
    .transpose()
}

/// Begins a backfill at its first row; `false` if somebody else has begun it at the same moment.
pub(super) async fn begin(connection: &mut PgConnection, begun: &Begun<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO platform.backfills (name, version, state, batch_size, job_id, started_at)
         VALUES ($1, $2, 'running', $3, $4, $5)
         ON CONFLICT (name) DO UPDATE
         SET version = excluded.version, state = excluded.state, batch_size = excluded.batch_size,
             job_id = excluded.job_id, started_at = excluded.started_at, finished_at = NULL,
             last_key = NULL, looked_at = 0, changed = 0, batches = 0
         WHERE backfills.job_id = $6",
        begun.name,
        begun.version,
        begun.batch_size,
        begun.job_id.as_uuid(),
        begun.at,
        begun.instead_of.map(JobId::as_uuid),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes what a batch has done. With `finished_at` it was the last.
pub(super) async fn advance(
    connection: &mut PgConnection,
    name: &str,
    step: &Step<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.backfills
         SET last_key = $2, looked_at = looked_at + $3, changed = changed + $4, batches = batches + 1,
             batch_size = $5, job_id = $6, finished_at = $7,
             state = CASE WHEN $7::timestamptz IS NULL THEN 'running' ELSE 'complete' END
         WHERE name = $1",
        name,
        step.last_key,
        step.looked_at,
        step.changed,
        step.batch_size,
        step.job_id.as_uuid(),
        step.finished_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn pause(connection: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.backfills SET state = 'paused' WHERE name = $1",
        name,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the backfill go on with the job `job_id`.
pub(super) async fn resume(
    connection: &mut PgConnection,
    name: &str,
    job_id: JobId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE platform.backfills SET state = 'running', job_id = $2 WHERE name = $1",
        name,
        job_id.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn state_of_job(
    connection: &mut PgConnection,
    id: JobId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT state FROM platform.jobs WHERE id = $1",
        id.as_uuid()
    )
    .fetch_optional(connection)
    .await
}

pub(super) async fn list(connection: &mut PgConnection) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT name, backfill.version, backfill.state, last_key, looked_at, changed, batches, batch_size, started_at,
               backfill.finished_at, job.state AS "job_state?", run_at AS "run_at?", last_error AS error
           FROM platform.backfills AS backfill LEFT JOIN platform.jobs AS job ON job.id = job_id"#
    )
    .fetch_all(connection)
    .await
}

/// How many rows `table` had when PostgreSQL last looked; -1 where it never did.
pub(super) async fn estimate_rows(
    connection: &mut PgConnection,
    table: &str,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"SELECT reltuples::bigint AS "rows!" FROM pg_class WHERE oid = to_regclass($1)"#,
        table,
    )
    .fetch_optional(connection)
    .await
}

/// Whether there is a table of this name, `schema.table`.
pub(super) async fn is_there(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT to_regclass($1) IS NOT NULL AS "is_there!""#,
        table
    )
    .fetch_one(connection)
    .await
}

pub(super) async fn is_complete(connection: &mut PgConnection, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM platform.backfills WHERE name = $1 AND state = 'complete') AS "is_complete!""#,
        name,
    )
    .fetch_one(connection)
    .await
}

impl TryFrom<Row> for Standing {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let job = row.job_state.as_deref();
        let is_given_up = !matches!(job, Some("ready" | "running"));
        let state = match state(&row.state)? {
            State::Running if is_given_up => State::Failed,
            other => other,
        };
        Ok(Self {
            name: row.name,
            state,
            looked_at: row.looked_at,
            changed: row.changed,
            batches: row.batches,
            rows: None,
            last_key: row.last_key,
            batch_size: row.batch_size,
            started_at: Some(row.started_at),
            finished_at: row.finished_at,
            next_at: row.run_at.filter(|_| state == State::Running),
            error: row.error,
        })
    }
}

fn state(name: &str) -> sqlx::Result<State> {
    match name {
        "running" => Ok(State::Running),
        "paused" => Ok(State::Paused),
        "complete" => Ok(State::Complete),
        other => Err(sqlx::Error::Decode(
            format!("{other} is no state of a backfill").into(),
        )),
    }
}
