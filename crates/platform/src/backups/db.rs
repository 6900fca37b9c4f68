use chrono::{DateTime, Utc};
use sqlx::{Executor as _, PgConnection};

use super::{Census, Contents, Safeguards};

pub(super) async fn record(
    connection: &mut PgConnection,
    name: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO platform.safeguards (name, last_at) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET last_at = excluded.last_at",
        name,
        at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn safeguards(connection: &mut PgConnection) -> sqlx::Result<Safeguards> {
    sqlx::query_as!(
        Safeguards,
        r#"SELECT
             (SELECT last_at FROM platform.safeguards WHERE name = 'backup') AS backup,
             (SELECT last_at FROM platform.safeguards WHERE name = 'restore') AS verified_restore,
             (SELECT last_archived_time FROM pg_stat_archiver) AS archived"#,
    )
    .fetch_one(connection)
    .await
}

/// Has the transaction see one moment, and take longer over it than a request may.
pub(super) async fn take_time(connection: &mut PgConnection) -> sqlx::Result<()> {
    connection
        .execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0")
        .await?;
    Ok(())
}

/// What is in the tables that the catalogue lists, so that none can be forgotten. `query_to_xml` is PostgreSQL's own way to
/// run a statement whose text was put together inside another.
pub(super) async fn census(connection: &mut PgConnection) -> sqlx::Result<Census> {
    let rows = sqlx::query!(
        r#"SELECT counted.name AS "table!",
             (xpath('/row/rows/text()', counted.result))[1]::text::bigint AS "rows!",
             (xpath('/row/checksum/text()', counted.result))[1]::text AS "checksum!"
         FROM (
             SELECT format('%I.%I', nspname, relname) AS name,
                 query_to_xml(
                     format(
                         'SELECT count(*) AS rows, coalesce(sum(hashtextextended(each::text, 0)::numeric), 0) AS checksum
                          FROM %I.%I AS each',
                         nspname, relname
                     ),
                     false, true, ''
                 ) AS result
             FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
             WHERE relkind = 'r' AND relpersistence = 'p' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
         ) AS counted"#,
    )
    .fetch_all(connection)
    .await?;
    let contents = rows.into_iter().map(|row| {
        let contents = Contents {
            rows: row.rows,
            checksum: row.checksum,
        };
        (row.table, contents)
    });
    Ok(Census(contents.collect()))
}
