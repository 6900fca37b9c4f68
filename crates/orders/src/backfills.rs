//! What orders of releases before have yet to be given.

use kernel::OrderId;
use platform::backfills::{Backfill, Batch};
use platform::db::Tx;

use crate::db;

/// Gives orders from before they could be searched what they are found by.
pub struct FillSearch;

impl Backfill for FillSearch {
    const NAME: &'static str = "orders.fill_search";
    const TABLE: &'static str = "orders.orders";
    type Key = OrderId;

    async fn batch(
        tx: &mut Tx,
        after: Option<OrderId>,
        limit: i64,
    ) -> anyhow::Result<Batch<OrderId>> {
        db::order_search::fill(tx, after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use kernel::PageRequest;

    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn an_order_of_a_release_before_is_found_like_a_new_one_once_it_was_filled() {
        let (platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let mugs = orders.a_product_with(|it| it.title = "Tall mugs".into());
        orders.a_filled_cart(ann, &mugs.await, 1).await;
        let lamp = orders.a_product_with(|it| it.title = "Floor lamp".into());
        let command = orders.a_filled_cart(ann, &lamp.await, 1).await;
        let order = orders.place(ann, command).await.unwrap();
        let written = platform.dump().await;
        orders.forget_searches().await;
        let number = order.number.to_string();
        let find = async |words: &str| {
            let page = PageRequest::default();
            orders.search_orders(ann, words, &page).await.unwrap().items
        };
        assert!(find("mug").await.is_empty());

        let mut tx = platform.db.begin().await.unwrap();
        let batch = FillSearch::batch(&mut tx, None, 10).await.unwrap();
        tx.commit().await.unwrap();

        assert_eq!((batch.last, batch.changed), (Some(order.id), 1));
        for words in ["mug", "lamp mugs", &number] {
            assert_eq!(find(words).await, std::slice::from_ref(&order), "{words}");
        }
        assert_eq!(platform.dump().await, written);
    }

    #[tokio::test]
    async fn a_batch_ends_at_its_limit_and_the_next_goes_on_behind_it() {
        let (platform, orders) = a_shop().await;
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(orders.a_placed_order(orders.a_user()).await.id);
        }
        ids.sort_unstable();
        orders.forget_searches().await;
        let mut tx = platform.db.begin().await.unwrap();
        let mut after = None;
        for (last, looked_at) in [(Some(ids[1]), 2), (Some(ids[3]), 2), (Some(ids[4]), 1)] {
            let batch = FillSearch::batch(&mut tx, after, 2).await.unwrap();
            let expected = Batch {
                last,
                looked_at,
                changed: looked_at,
            };
            assert_eq!(batch, expected);
            after = last;
        }
        let again = FillSearch::batch(&mut tx, None, 10).await.unwrap();
        assert_eq!((again.looked_at, again.changed), (5, 0));
        let empty = FillSearch::batch(&mut tx, after, 10).await.unwrap();
        assert_eq!(empty.looked_at, 0);
    }
}
