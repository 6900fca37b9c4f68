use chrono::{DateTime, Utc};
use kernel::{InvalidCursor, OrderId, Page, PageRequest, UserId};
use tracing::instrument;
use uuid::Uuid;

use crate::order::Order;
use crate::{Orders, db};

/// Why there is no list of orders.
#[derive(Debug, thiserror::Error)]
pub enum ListOrdersError {
    /// The cursor belongs to another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// The person's orders with their lines, newest first.
    #[instrument(name = "orders.list", skip_all)]
    pub async fn list(
        &self,
        user_id: UserId,
        page: &PageRequest,
    ) -> Result<Page<Order>, ListOrdersError> {
        let behind = key(page)?;
        let mut connection = self.db.acquire().await?;
        let orders = db::orders::list(&mut connection, user_id, behind, page.size.rows()).await?;
        Ok(Page::from_rows(orders, page.size, |order| {
            (order.placed_at, order.id)
        }))
    }
}

/// When and under which id the order before the page was placed. The first page begins behind the latest order there can
/// be, so that one query serves every page.
pub(crate) fn key(page: &PageRequest) -> Result<(DateTime<Utc>, OrderId), InvalidCursor> {
    let latest = (DateTime::<Utc>::MAX_UTC, OrderId::from_uuid(Uuid::max()));
    let behind = page.key()?.unwrap_or(latest);
    // A cursor is not signed, and PostgreSQL refuses times before 4713 BC. No order is from before 1970.
    if behind.0 < DateTime::UNIX_EPOCH {
        return Err(InvalidCursor);
    }
    Ok(behind)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use kernel::{Cursor, PageSize};

    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn a_history_shows_the_persons_orders_newest_first_with_their_lines() {
        let (platform, orders) = a_shop().await;
        let (ann, bob) = (orders.a_user(), orders.a_user());
        let first = orders.a_placed_order(ann).await;
        orders.a_placed_order(bob).await;
        platform.clock.advance(TimeDelta::seconds(1));
        let second = orders.a_placed_order(ann).await;
        let third = orders.a_placed_order(ann).await;
        let mut latest = [second, third];
        latest.sort_by_key(|order| std::cmp::Reverse(order.id));

        let size = PageSize::clamped(2);
        let page = orders
            .list(ann, &PageRequest { after: None, size })
            .await
            .unwrap();
        assert_eq!(page.items, latest);
        let rest = PageRequest {
            after: page.next,
            size,
        };
        let rest = orders.list(ann, &rest).await.unwrap();
        assert_eq!(rest.items, [first]);
        assert_eq!(rest.next, None);
    }

    #[tokio::test]
    async fn a_cursor_that_this_list_did_not_make_is_refused() {
        let (_platform, orders) = a_shop().await;
        let id = OrderId::from_uuid(Uuid::nil());
        for cursor in [
            Cursor::encode(&"yesterday"),
            Cursor::encode(&id),
            Cursor::encode(&(DateTime::<Utc>::MIN_UTC, id)),
            Cursor::encode(&("-4714-11-23T23:59:59Z", id)),
        ] {
            let page = PageRequest {
                after: Some(cursor),
                ..PageRequest::default()
            };
            let listed = orders.list(orders.a_user(), &page).await;
            assert!(
                matches!(listed, Err(ListOrdersError::InvalidCursor(_))),
                "{listed:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_latest_time_of_a_cursor_is_one_that_the_database_knows() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let order = orders.a_placed_order(ann).await;
        let latest = (DateTime::<Utc>::MAX_UTC, OrderId::from_uuid(Uuid::max()));
        let page = PageRequest {
            after: Some(Cursor::encode(&latest)),
            ..PageRequest::default()
        };
        assert_eq!(orders.list(ann, &page).await.unwrap().items, [order]);
    }
}
