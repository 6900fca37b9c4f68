use anyhow::Context as _;
use chrono::TimeDelta;
use kernel::OrderId;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::jobs::CancelUnpaid;
use crate::order::OrderStatus;
use crate::{Orders, db};

/// How long an order may hold stock without being paid. A hosted payment page of Stripe expires after 24 hours too
/// (<https://docs.stripe.com/api/checkout/sessions/create>, `expires_at`), so nobody can pay what is cancelled here.
const HELD_FOR: TimeDelta = TimeDelta::hours(24);

impl Orders {
    /// Cancels up to 1,000 orders that nobody has paid in time.
    ///
    /// Each is cancelled in a transaction of its own: one for all would hold the locks of every product in them. A run
    /// that dies half-way leaves the rest to the next one.
    #[instrument(name = "job.orders.cancel_unpaid", skip_all)]
    pub async fn cancel_unpaid(self, run: JobRun, _: CancelUnpaid) -> JobResult {
        for id in self.list_unpaid().await? {
            self.cancel_if_unpaid(id).await?;
        }
        run.complete_alone().await
    }

    async fn list_unpaid(&self) -> anyhow::Result<Vec<OrderId>> {
        let mut connection = self.db.acquire().await?;
        db::orders::list_unpaid(&mut connection, self.clock.now() - HELD_FOR).await
    }

    async fn cancel_if_unpaid(&self, id: OrderId) -> anyhow::Result<()> {
        let mut tx = self.db.begin().await?;
        let order = db::orders::lock(&mut tx, id).await?;
        let mut order = order.context("an order is never deleted")?;
        if order.advance(OrderStatus::Cancelled).is_err() {
            return Ok(()); // It was paid or cancelled since it was listed.
        }
        self.record_cancellation(&mut tx, &order).await?;
        tx.commit().await.context("commit cancellation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::OrderCancelled;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn orders_that_nobody_pays_give_their_stock_back_after_a_day() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let forgotten = orders.a_placed_order(ann).await;
        let paid = orders.a_paid_order(ann).await;
        platform.clock.advance(TimeDelta::hours(1));
        let fresh = orders.a_placed_order(ann).await;
        platform
            .clock
            .advance(TimeDelta::hours(23) + TimeDelta::seconds(1));

        let cancel = async |run, job| orders.clone().cancel_unpaid(run, job).await;
        platform.run_job(cancel, CancelUnpaid {}).await.unwrap();

        for (order, status) in [
            (forgotten, OrderStatus::Cancelled),
            (paid, OrderStatus::Paid),
            (fresh, OrderStatus::Placed),
        ] {
            let order = orders.get(ann, order.number).await.unwrap().order;
            assert_eq!(order.status, status);
        }
        assert_eq!(platform.published::<OrderCancelled>().await.len(), 1);
    }

    #[tokio::test]
    async fn an_order_that_was_paid_since_it_was_listed_stays() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_paid_order(ann).await;
        orders.cancel_if_unpaid(order.id).await.unwrap();
        let order = orders.get(ann, order.number).await.unwrap().order;
        assert_eq!(order.status, OrderStatus::Paid);
    }
}
