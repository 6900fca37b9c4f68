//! The audit log: who did what, kept beyond the reach of whoever did it.

mod db;

use anyhow::Context as _;
use kernel::{Clock, UserId};
use serde_json::Value;

use crate::correlation;
use crate::db::Tx;

/// Where modules write down what a person will later be asked about; cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit {
    clock: Clock,
}

/// One thing that was done.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// Who did it; `None` where the application acted by itself.
    pub actor: Option<UserId>,
    /// What was done, `<module>.<verb>`.
    pub action: &'static str,
    /// The type of thing it was done to.
    pub subject_type: &'static str,
    /// Which of them.
    pub subject_id: String,
    /// The fields that matter, as they were. Never a secret: an entry cannot be taken back.
    pub before: Option<Value>,
    /// The same fields, as they are now.
    pub after: Option<Value>,
}

impl Audit {
    /// A log that takes its times from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Adds `entry` to the transaction of the deed, so that neither stands without the other.
    ///
    /// # Errors
    /// If the entry cannot be stored.
    pub async fn record(&self, tx: &mut Tx, entry: AuditEntry) -> anyhow::Result<()> {
        db::insert(
            tx,
            &entry,
            self.clock.now(),
            correlation::current().as_deref(),
        )
        .await
        .context("insert audit entry")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::{AssertSqlSafe, Executor as _};

    use super::*;
    use crate::testing::TestPlatform;

    fn refund() -> AuditEntry {
        AuditEntry {
            actor: None,
            action: "billing.refund",
            subject_type: "payment",
            subject_id: "42".into(),
            before: Some(json!({ "status": "paid" })),
            after: Some(json!({ "status": "refunded" })),
        }
    }

    #[tokio::test]
    async fn an_entry_exists_if_and_only_if_the_deed_was_committed() {
        let platform = TestPlatform::start(&[]).await;
        let mut undone = platform.db.begin().await.unwrap();
        platform.audit.record(&mut undone, refund()).await.unwrap();
        undone.rollback().await.unwrap();
        assert_eq!(count(&platform).await, 0);

        let mut done = platform.db.begin().await.unwrap();
        correlation::scope(
            "request-1".into(),
            platform.audit.record(&mut done, refund()),
        )
        .await
        .unwrap();
        done.commit().await.unwrap();

        let mut connection = platform.db.acquire().await.unwrap();
        let row = sqlx::query!(
            "SELECT occurred_at, action, subject_id, before, after, correlation_id FROM platform.audit_log"
        )
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        assert_eq!(row.occurred_at, platform.clock.now());
        assert_eq!(row.action, "billing.refund");
        assert_eq!(row.subject_id, "42");
        assert_eq!(row.before, refund().before);
        assert_eq!(row.after, refund().after);
        assert_eq!(row.correlation_id.as_deref(), Some("request-1"));
    }

    #[tokio::test]
    async fn the_application_can_neither_change_nor_delete_an_entry() {
        let platform = TestPlatform::start(&[]).await;
        let mut tx = platform.db.begin().await.unwrap();
        platform.audit.record(&mut tx, refund()).await.unwrap();
        tx.commit().await.unwrap();

        for statement in [
            "UPDATE platform.audit_log SET action = 'nothing'",
            "DELETE FROM platform.audit_log",
            "TRUNCATE platform.audit_log",
            "DROP TABLE platform.audit_log",
        ] {
            let mut connection = platform.db.acquire().await.unwrap();
            let refused = connection.execute(AssertSqlSafe(statement)).await;
            let code = refused.unwrap_err().into_database_error().unwrap();
            // insufficient_privilege
            assert_eq!(code.code().as_deref(), Some("42501"), "{statement}");
        }
        assert_eq!(count(&platform).await, 1);
    }

    async fn count(platform: &TestPlatform) -> i64 {
        let mut connection = platform.db.acquire().await.unwrap();
        sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM platform.audit_log"#)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
    }
}
