use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;
use uuid::Uuid;

use crate::jobs::PurgeExpired;
use crate::{Users, db};

/// As many rows as one transaction deletes: more would keep others waiting, and replicas behind. The statements say it too,
/// because PostgreSQL plans a limit that it does not know for a tenth of the table.
const BATCH: u64 = 1_000;

/// How long an upload may take to be finished.
const UPLOAD_KEPT_FOR: TimeDelta = TimeDelta::days(1);

impl Users {
    /// Deletes expired links and tokens, up to 1,000 rows in one transaction, and up to 100 uploads that came to
    /// nothing.
    ///
    /// Files go before the rows that name them, so that a run that breaks off is made good by the next.
    #[instrument(name = "job.users.purge_expired", skip_all)]
    pub async fn purge_expired(self, run: JobRun, _: PurgeExpired) -> JobResult {
        let now = self.clock.now();
        while self.purge_batches(now).await?.contains(&BATCH) {}
        let uploads = self.delete_unfinished_files(now - UPLOAD_KEPT_FOR).await?;
        let mut tx = run.begin().await?;
        db::avatars::delete(&mut tx, &uploads).await?;
        run.complete(tx).await
    }

    /// Deletes a batch of links, one of tokens and one of families, each in a transaction of its own; how many of each.
    async fn purge_batches(&self, now: DateTime<Utc>) -> anyhow::Result<[u64; 3]> {
        let mut tx = self.db.begin().await?;
        let links = db::links::purge(&mut tx, now).await?;
        tx.commit().await.context("commit purge of links")?;
        let mut tx = self.db.begin().await?;
        let tokens = db::tokens::purge_tokens(&mut tx, now).await?;
        tx.commit().await.context("commit purge of tokens")?;
        let mut tx = self.db.begin().await?;
        let families = db::tokens::purge_families(&mut tx, now).await?;
        tx.commit().await.context("commit purge of families")?;
        Ok([links, tokens, families])
    }

    async fn delete_unfinished_files(&self, before: DateTime<Utc>) -> anyhow::Result<Vec<Uuid>> {
        let mut connection = self.db.acquire().await?;
        let uploads = db::avatars::unfinished(&mut connection, before).await?;
        // Storage may be slow, and others need the connection.
        drop(connection);
        for id in &uploads {
            self.delete_avatar_files(*id).await?;
        }
        Ok(uploads)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kernel::Token;

    use super::*;
    use crate::AvatarError;
    use crate::avatar::upload_key;
    use crate::testing::{PASSWORD, an_address, start};

    #[tokio::test]
    async fn only_what_nobody_can_use_any_more_is_deleted() {
        let (platform, users) = start().await;
        users.a_customer("ann").await;
        let issue = async || {
            let pair = users
                .issue_tokens(&an_address("ann"), &PASSWORD.into())
                .await;
            pair.unwrap().refresh_token
        };
        let expired = issue().await;
        platform.clock.advance(TimeDelta::days(29));
        let fresh = issue().await;
        platform.clock.advance(TimeDelta::days(1));

        let purge = async |run, job| users.clone().purge_expired(run, job).await;
        platform.run_job(purge, PurgeExpired {}).await.unwrap();

        let is_kept = async |token: Token| {
            let mut tx = platform.db.begin().await.unwrap();
            let family = db::tokens::lock_family_of(&mut tx, token.hash()).await;
            family.unwrap().is_some()
        };
        assert!(!is_kept(expired).await);
        assert!(is_kept(fresh).await);
    }

    #[tokio::test]
    async fn no_transaction_deletes_more_than_a_batch() {
        let (platform, users) = start().await;
        users.a_customer("ann").await;
        let pair = users
            .issue_tokens(&an_address("ann"), &PASSWORD.into())
            .await;
        let token = pair.unwrap().refresh_token;
        let now = platform.clock.now();
        let mut tx = platform.db.begin().await.unwrap();
        let family = db::tokens::lock_family_of(&mut tx, token.hash()).await;
        let family = family.unwrap().unwrap().id;
        for _ in 0..BATCH {
            let next = Token::generate(&users.entropy).hash();
            db::tokens::insert_token(&mut tx, family, next, now)
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let later = now + TimeDelta::days(31);

        let purge = async |now| users.purge_batches(now).await.unwrap();
        assert_eq!(purge(now).await, [0, 0, 0]);
        assert_eq!(purge(later).await, [0, BATCH, 0]);
        // The last token, and the family that is empty then.
        assert_eq!(purge(later).await, [0, 1, 1]);
        assert_eq!(purge(later).await, [0, 0, 0]);
    }

    #[tokio::test]
    async fn an_upload_that_was_never_finished_is_deleted_with_its_file() {
        let (platform, users) = start().await;
        let ann = users.a_customer("ann").await;
        let upload = users.start_avatar_upload(ann, "image/png").await.unwrap();
        let key = upload_key(upload.id).unwrap();
        let file = Bytes::from_static(b"a picture");
        platform.storage.put(&key, "image/png", file).await.unwrap();

        let purge = async |run, job| users.clone().purge_expired(run, job).await;
        platform.run_job(purge, PurgeExpired {}).await.unwrap();
        assert_eq!(platform.stored_files().await, [key]);

        platform.clock.advance(TimeDelta::days(2));
        platform.run_job(purge, PurgeExpired {}).await.unwrap();
        assert!(platform.stored_files().await.is_empty());
        let finished = users.finish_avatar_upload(ann, upload.id).await;
        assert!(matches!(finished, Err(AvatarError::NotUploaded)));
    }
}
