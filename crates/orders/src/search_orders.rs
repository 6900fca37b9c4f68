use kernel::{Page, PageRequest, UserId};
use tracing::instrument;

use crate::list::{ListOrdersError, key};
use crate::order::Order;
use crate::{Orders, db};

impl Orders {
    /// The person's orders whose number or products match what somebody typed, newest first, with their lines. Words
    /// combine as in [`Orders::search_products`].
    #[instrument(name = "orders.search_orders", skip_all)]
    pub async fn search_orders(
        &self,
        user_id: UserId,
        words: &str,
        page: &PageRequest,
    ) -> Result<Page<Order>, ListOrdersError> {
        let behind = key(page)?;
        // The one character that PostgreSQL's text cannot hold.
        let words = words.replace('\0', " ");
        let mut connection = self.db.acquire().await?;
        let rows = page.size.rows();
        let orders = db::orders::search(&mut connection, user_id, &words, behind, rows).await?;
        Ok(Page::from_rows(orders, page.size, |order| {
            (order.placed_at, order.id)
        }))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{OrderId, PageSize};

    use super::*;
    use crate::testing::a_shop;

    async fn an_order_of(orders: &Orders, user_id: UserId, title: &str) -> Order {
        let product = orders
            .a_product_with(|product| product.title = title.into())
            .await;
        let command = orders.a_filled_cart(user_id, &product, 1).await;
        orders.place(user_id, command).await.unwrap()
    }

    #[tokio::test]
    async fn a_person_finds_their_own_orders_by_what_was_in_them_or_by_number() {
        let (_platform, orders) = a_shop().await;
        let (ann, bob) = (orders.a_user(), orders.a_user());
        let mugs = an_order_of(&orders, ann, "Tall mugs").await;
        let lamp = an_order_of(&orders, ann, "Floor lamp").await;
        let others = an_order_of(&orders, bob, "Tall mugs").await;
        for (words, expected) in [
            ("mug", vec![mugs.id]),
            ("floor LAMPS", vec![lamp.id]),
            ("mug lamp", vec![]),
            (&mugs.number.to_string(), vec![mugs.id]),
            (&others.number.to_string(), vec![]),
            ("' & | ! :*\0", vec![]),
        ] {
            let page = PageRequest::default();
            let found = orders.search_orders(ann, words, &page).await.unwrap().items;
            let ids: Vec<OrderId> = found.iter().map(|order| order.id).collect();
            assert_eq!(ids, expected, "{words}");
            assert!(found.iter().all(|order| !order.lines.is_empty()));
        }
    }

    #[tokio::test]
    async fn pages_of_found_orders_neither_repeat_nor_skip() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let mut expected = Vec::new();
        for title in ["Red mug", "Lamp", "Blue mug", "Green mug"] {
            let order = an_order_of(&orders, ann, title).await;
            expected.extend(title.ends_with("mug").then_some(order.id));
        }
        let mut page = PageRequest {
            after: None,
            size: PageSize::clamped(2),
        };
        let first = orders.search_orders(ann, "mug", &page).await.unwrap();
        page.after = first.next;
        let second = orders.search_orders(ann, "mug", &page).await.unwrap();
        assert_eq!(second.next, None);
        let mut found: Vec<_> = first.items.iter().chain(&second.items).collect();
        found.sort_unstable_by_key(|order| order.id);
        expected.sort_unstable();
        let found: Vec<_> = found.iter().map(|order| order.id).collect();
        assert_eq!(found, expected);
    }
}
