use askama::Template;
use axum::extract::State;
use kernel::{Cursor, Page, PageRequest, PageSize};
use orders::{Category, Orders, Product};
use serde::Deserialize;
use url::form_urlencoded;

use crate::http::error::{AppError, Result};
use crate::http::extract::Query;
use crate::http::pages::{self, Layout, filters};

/// Rows of two, three and four products come out even.
const SHOWN: u32 = 24;

const LONGEST_SEARCH: usize = 100;

/// What to look for, and where the list goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    category: String,
    after: Option<Cursor>,
}

#[derive(Template)]
#[template(path = "orders/products.html")]
struct ProductsPage {
    layout: Layout,
    categories: Vec<Category>,
    category: Option<Category>,
    words: String,
    products: Page<Product>,
}

impl ProductsPage {
    fn is_on(&self, category: &Category) -> bool {
        self.category.as_ref() == Some(category)
    }

    fn next_href(&self) -> Option<String> {
        let next = self.products.next.as_ref()?.to_string();
        Some(self.href(self.category.as_ref(), Some(&next)))
    }

    /// The same search on another shelf.
    fn shelf_href(&self, category: Option<&Category>) -> String {
        self.href(category, None)
    }

    fn href(&self, category: Option<&Category>, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.words.is_empty() {
            query.append_pair("q", &self.words);
        }
        if let Some(category) = category {
            query.append_pair("category", &category.slug);
        }
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/products{mark}{query}")
    }
}

/// All products, those on a shelf, or those that match a search.
pub(super) async fn list(
    State(orders): State<Orders>,
    layout: Layout,
    Query(search): Query<Search>,
) -> Result {
    let categories = orders.list_categories().await?;
    let category = find(&categories, &search.category)?;
    let shelf = category.as_ref().map(|category| category.slug.as_str());
    let words: String = search.q.trim().chars().take(LONGEST_SEARCH).collect();
    let page = PageRequest {
        after: search.after,
        size: PageSize::clamped(SHOWN),
    };
    let products = if words.is_empty() {
        orders.list_products(shelf, &page).await?
    } else {
        orders.search_products(&words, shelf, &page).await?
    };
    pages::show(&ProductsPage {
        layout,
        categories,
        category,
        words,
        products,
    })
}

fn find(categories: &[Category], slug: &str) -> Result<Option<Category>> {
    if slug.is_empty() {
        return Ok(None);
    }
    let category = categories.iter().find(|category| category.slug == slug);
    category.cloned().map(Some).ok_or(AppError::NotFound)
}
