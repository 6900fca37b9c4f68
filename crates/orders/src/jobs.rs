//! The module's background work. Names and payloads stand in rows and outlive the Rust types.

use anyhow::Context as _;
use kernel::{AttachmentId, OrderId};
use platform::jobs::{Job, JobResult, JobRun, Queue};
use serde::{Deserialize, Serialize};
use tracing::instrument;

use crate::{Orders, db, emails};

/// Mails the customer what they have ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendConfirmation {
    /// The order.
    pub order_id: OrderId,
}

impl Job for SendConfirmation {
    const KIND: &'static str = "orders.send_confirmation";
    const QUEUE: Queue = Queue::Mail;
}

/// Cancels orders that nobody has paid in time. For a schedule: every five minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelUnpaid {}

impl Job for CancelUnpaid {
    const KIND: &'static str = "orders.cancel_unpaid";
    const QUEUE: Queue = Queue::Reports;
}

/// Deletes carts that their browsers have abandoned. For a schedule: every hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeCarts {}

impl Job for PurgeCarts {
    const KIND: &'static str = "orders.purge_carts";
    const QUEUE: Queue = Queue::Reports;
}

/// Sweeps up after an attachment: an hour after its upload began, and when it is refused or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepAttachment {
    /// The attachment.
    pub attachment_id: AttachmentId,
}

impl Job for SweepAttachment {
    const KIND: &'static str = "orders.sweep_attachment";
    const QUEUE: Queue = Queue::Reports;
}

impl Orders {
    /// Runs [`SendConfirmation`].
    #[instrument(name = "job.orders.send_confirmation", skip_all)]
    pub async fn send_confirmation(self, run: JobRun, job: SendConfirmation) -> JobResult {
        let order = self.find_order(job.order_id).await?;
        let letter = emails::order_confirmation(&self.letterhead, &order)?;
        self.mailer.send(&run, &letter).await?;
        run.complete_alone().await
    }

    async fn find_order(&self, id: OrderId) -> anyhow::Result<crate::Order> {
        let mut connection = self.db.acquire().await?;
        let order = db::orders::find(&mut connection, id).await?;
        order.context("an order is never deleted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn the_confirmation_tells_what_was_ordered_and_where_to_pay() {
        let (platform, orders) = a_shop().await;
        let order = orders.a_placed_order(orders.a_user()).await;
        let [job] = &platform.jobs_of::<SendConfirmation>().await[..] else {
            panic!("one confirmation")
        };

        let send = async |run, job| orders.clone().send_confirmation(run, job).await;
        platform.run_job(send, job.clone()).await.unwrap();

        let [letter] = &platform.sent_mail()[..] else {
            panic!("one letter")
        };
        assert_eq!(letter.to, order.email);
        let link = format!("https://shop.example/orders/{}", order.number);
        for body in [&letter.text, &letter.html] {
            for told in ["2 × A thing", "€25.00", "1 Main Street", &link] {
                assert!(body.contains(told), "{told} in {body}");
            }
        }
    }
}
