use askama::Template;
use axum::extract::State;
use kernel::{Cursor, Page, PageRequest, PageSize};
use orders::{Order, Orders};
use serde::Deserialize;
use url::form_urlencoded;

use crate::http::error::Result;
use crate::http::extract::Query;
use crate::http::pages::{self, Layout, filters};
use crate::http::session::CurrentUser;

const LONGEST_SEARCH: usize = 100;

/// What to look for, and where the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    /// Not `q`, which is what the field in the page's head looks for.
    words: String,
    after: Option<Cursor>,
}

#[derive(Template)]
#[template(path = "orders/history.html")]
struct HistoryPage {
    layout: Layout,
    words: String,
    orders: Page<Order>,
}

impl HistoryPage {
    fn next_href(&self) -> Option<String> {
        let next = self.orders.next.as_ref()?.to_string();
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.words.is_empty() {
            query.append_pair("words", &self.words);
        }
        Some(format!(
            "/orders?{}",
            query.append_pair("after", &next).finish()
        ))
    }
}

/// A person's orders, newest first: all, or those that match a search.
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
    let words: String = part.words.trim().chars().take(LONGEST_SEARCH).collect();
    let orders = if words.is_empty() {
        orders.list(user.id(), &page).await?
    } else {
        orders.search_orders(user.id(), &words, &page).await?
    };
    pages::show(&HistoryPage {
        layout,
        words,
        orders,
    })
}
