use anyhow::Context as _;
use kernel::{AttachmentId, UserId};
use tracing::instrument;

use crate::order::OrderNumber;
use crate::{Orders, db};

/// Why a file was not removed.
#[derive(Debug, thiserror::Error)]
pub enum DetachError {
    /// There is none of this id, or it belongs to another order, or to somebody else's.
    #[error("there is no such file")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Removes a file from an order of the person's, wherever that stands: it is theirs to take back.
    #[instrument(name = "orders.detach", skip_all)]
    pub async fn detach(
        &self,
        user_id: UserId,
        number: OrderNumber,
        id: AttachmentId,
    ) -> Result<(), DetachError> {
        let mut tx = self.db.begin().await?;
        if !db::attachments::delete_own(&mut tx, user_id, number, id).await? {
            return Err(DetachError::NotFound);
        }
        self.sweep(&mut tx, id).await?;
        Ok(tx.commit().await.context("commit removal")?)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::attachment::{Reader, file_key};
    use crate::testing::{A_PNG, a_shop, sweep_up};

    #[tokio::test]
    async fn a_removed_file_is_gone_from_the_order_and_from_storage_and_is_removed_once() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let number = orders.a_placed_order(ann).await.number;
        let attach = async |name| {
            let file = Bytes::from_static(A_PNG);
            orders.attach(ann, number, name, file).await.unwrap()
        };
        let (kept, removed) = (attach("kept.png").await, attach("removed.png").await);
        // A file is the customer's to take back after the order was given up, too.
        orders.cancel(ann, number).await.unwrap();

        orders.detach(ann, number, removed.id).await.unwrap();
        sweep_up(&platform, &orders).await;
        let again = orders.detach(ann, number, removed.id).await;

        assert!(matches!(again, Err(DetachError::NotFound)), "{again:?}");
        let listed = orders.list_attachments(Reader::Customer(ann), number).await;
        let [listed] = &listed.unwrap()[..] else {
            panic!("one file")
        };
        assert_eq!(listed, &kept);
        let stored = platform.stored_files().await;
        assert_eq!(stored, [file_key(kept.id).unwrap()]);
    }

    #[tokio::test]
    async fn nobody_removes_a_file_of_somebody_elses_order() {
        let (platform, orders) = a_shop().await;
        let (ann, bob) = (orders.a_user(), orders.a_user());
        let number = orders.a_placed_order(ann).await.number;
        let bobs = orders.a_placed_order(bob).await.number;
        let file = Bytes::from_static(A_PNG);
        let id = orders.attach(ann, number, "a.png", file).await.unwrap().id;
        let waiting = platform.jobs_waiting().await;

        for number in [number, bobs] {
            let removed = orders.detach(bob, number, id).await;
            assert!(matches!(removed, Err(DetachError::NotFound)), "{removed:?}");
        }
        assert_eq!(platform.jobs_waiting().await, waiting);
    }
}
