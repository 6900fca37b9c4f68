use askama::Template;
use axum::extract::State;
use kernel::{Cursor, Page, PageRequest, PageSize};
use orders::{Order, Orders};
use serde::Deserialize;

use crate::http::error::Result;
use crate::http::extract::Query;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

/// Where the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    after: Option<Cursor>,
}

#[derive(Template)]
#[template(path = "orders/history.html")]
struct HistoryPage {
    layout: Layout,
    orders: Page<Order>,
}

impl HistoryPage {
    fn next_href(&self) -> Option<String> {
        let next = self.orders.next.as_ref()?;
        Some(format!("/orders?after={next}"))
    }
}

/// A person's orders, newest first.
pub(super) async fn list(
    State(orders): State<Orders>,
    layout: Layout,
    user: CurrentUser,
    Query(part): Query<Part>,
) -> Result {
    let page = PageRequest {
        after: part.after,
        size: PageSize::default(),
    };
    let orders = orders.list(user.id(), &page).await?;
    pages::show(&HistoryPage { layout, orders })
}
