use chrono::TimeDelta;
use platform::jobs::{JobResult, JobRun};
use tracing::instrument;

use crate::jobs::PurgeCarts;
use crate::{Orders, db};

/// How long a browser may come back to its cart.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

impl Orders {
    /// Deletes up to 1,000 carts that their browsers have abandoned.
    #[instrument(name = "job.orders.purge_carts", skip_all)]
    pub async fn purge_carts(self, run: JobRun, _: PurgeCarts) -> JobResult {
        let mut tx = run.begin().await?;
        db::carts::purge(&mut tx, self.clock.now() - KEPT_FOR).await?;
        run.complete(tx).await
    }
}

#[cfg(test)]
mod tests {
    use kernel::Token;

    use super::*;
    use crate::cart::{CartOwner, Quantity};
    use crate::testing::a_shop;

    #[tokio::test]
    async fn only_what_browsers_have_abandoned_is_deleted() {
        let (platform, orders) = a_shop().await;
        let product = orders.a_product().await;
        let browser = || CartOwner::Anonymous(Token::generate(&orders.entropy).hash());
        let (abandoned, fresh) = (browser(), browser());
        let person = CartOwner::User(orders.a_user());
        for owner in [&abandoned, &fresh, &person] {
            orders
                .add_to_cart(owner, product.id, Quantity::ONE)
                .await
                .unwrap();
        }
        platform.clock.advance(TimeDelta::days(20));
        orders
            .set_quantity(&fresh, product.id, Quantity::MAX)
            .await
            .unwrap();
        platform.clock.advance(TimeDelta::days(11));

        let purge = async |run, job| orders.clone().purge_carts(run, job).await;
        platform.run_job(purge, PurgeCarts {}).await.unwrap();

        for (owner, count) in [(abandoned, 0), (fresh, 99), (person, 1)] {
            assert_eq!(orders.show_cart(&owner).await.unwrap().count(), count);
        }
    }
}
