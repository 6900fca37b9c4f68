use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Setting;

pub(super) async fn list(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, Setting>> {
    let rows = sqlx::query!("SELECT key, enabled, percentage FROM platform.flags")
        .fetch_all(connection)
        .await?;
    let settings = rows.into_iter().map(|row| {
        let setting = Setting {
            enabled: row.enabled,
            percentage: row.percentage,
        };
        (row.key, setting)
    });
    Ok(settings.collect())
}

pub(super) async fn upsert(
    connection: &mut PgConnection,
    key: &str,
    setting: Setting,
    note: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO platform.flags (key, enabled, percentage, note, updated_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (key) DO UPDATE
         SET enabled = excluded.enabled, percentage = excluded.percentage, note = excluded.note,
             updated_at = excluded.updated_at",
        key,
        setting.enabled,
        setting.percentage,
        note,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
