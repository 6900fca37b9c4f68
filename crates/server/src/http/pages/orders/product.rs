use askama::Template;
use axum::extract::State;
use orders::{Orders, Product, Quantity};

use crate::http::error::Result;
use crate::http::extract::Path;
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout, filters};

#[derive(Template)]
#[template(path = "orders/product.html")]
pub(super) struct ProductPage {
    pub(super) layout: Layout,
    pub(super) product: Product,
    pub(super) category: String,
    pub(super) quantity: String,
    pub(super) errors: FieldErrors,
}

impl ProductPage {
    /// The page of a product whose form holds `quantity`.
    pub(super) async fn load(
        orders: &Orders,
        layout: Layout,
        slug: &str,
        quantity: String,
        errors: FieldErrors,
    ) -> Result<Self> {
        let product = orders.get_product(slug).await?;
        let categories = orders.list_categories().await?;
        let category = categories
            .into_iter()
            .find(|category| category.slug == product.category);
        Ok(Self {
            layout,
            category: category.map(|category| category.title).unwrap_or_default(),
            product,
            quantity,
            errors,
        })
    }

    /// The most that somebody can ask for.
    fn most(&self) -> u32 {
        self.product.stock.min(Quantity::MAX.get())
    }

    fn is_scarce(&self) -> bool {
        self.product.stock <= 10
    }
}

/// One product, and the form that puts it into the cart.
pub(super) async fn show(
    State(orders): State<Orders>,
    layout: Layout,
    Path(slug): Path<String>,
) -> Result {
    let page = ProductPage::load(&orders, layout, &slug, "1".into(), FieldErrors::new());
    pages::show(&page.await?)
}
