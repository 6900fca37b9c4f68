use askama::Template;
use axum::extract::State;
use kernel::{PageRequest, PageSize};
use orders::{Category, Orders, Product};

use crate::http::error::Result;
use crate::http::pages::{self, Layout, filters};

const SHOWN: u32 = 8;

#[derive(Template)]
#[template(path = "orders/home.html")]
struct HomePage {
    layout: Layout,
    categories: Vec<Category>,
    products: Vec<Product>,
}

/// What the shop is, its shelves, and what is new.
pub(super) async fn show(State(orders): State<Orders>, layout: Layout) -> Result {
    let newest = PageRequest {
        after: None,
        size: PageSize::clamped(SHOWN),
    };
    let categories = orders.list_categories().await?;
    let products = orders.list_products(None, &newest).await?.items;
    pages::show(&HomePage {
        layout,
        categories,
        products,
    })
}
