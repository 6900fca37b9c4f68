use axum::extract::State;
use axum::response::IntoResponse;
use kernel::ProductId;
use orders::{Category, Orders, Product};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::api::{MoneyBody, PageBody, PageQuery, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path, Query};

/// Something to buy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub(super) struct ProductBody {
    /// Its id, to put it into the cart with.
    #[schema(value_type = uuid::Uuid)]
    id: ProductId,
    /// Its name in addresses.
    #[schema(example = "everyday-mug")]
    slug: String,
    /// The slug of its category.
    #[schema(example = "kitchen")]
    category: String,
    /// What it is called.
    title: String,
    /// One sentence about it.
    summary: String,
    /// A paragraph about it.
    description: String,
    /// The price of one.
    price: MoneyBody,
    /// How many there are.
    stock: u32,
    /// Where its picture is, on this host.
    #[schema(example = "/pictures/everyday-mug-0a1b2c3d.svg")]
    picture: String,
}

impl From<Product> for ProductBody {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            slug: product.slug,
            category: product.category,
            title: product.title,
            summary: product.summary,
            description: product.description,
            price: product.price.into(),
            stock: product.stock,
            picture: format!("/pictures/{}", product.picture),
        }
    }
}

/// A shelf of the shop.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Category)]
pub(super) struct CategoryBody {
    /// Its name in addresses.
    #[schema(example = "kitchen")]
    slug: String,
    /// What it is called.
    title: String,
}

impl From<Category> for CategoryBody {
    fn from(Category { slug, title }: Category) -> Self {
        Self { slug, title }
    }
}

/// Which products to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct ProductQuery {
    /// Only those that match these words, best first. `"…"` asks for a phrase, `or` for either, `-` excludes.
    q: String,
    /// Only those of the category with this slug.
    category: Option<String>,
}

/// Lists products, newest first or as they match a search
#[utoipa::path(
    get,
    path = "/products",
    tag = "orders",
    params(ProductQuery, PageQuery),
    responses((status = 200, body = PageBody<ProductBody>), Problems),
)]
pub(super) async fn list(
    State(orders): State<Orders>,
    Query(query): Query<ProductQuery>,
    Query(page): Query<PageQuery>,
) -> Result {
    let page = page.request()?;
    let category = query.category.as_deref().filter(|slug| !slug.is_empty());
    if let Some(slug) = category {
        let shelves = orders.list_categories().await?;
        // As on the page: an empty list would say that the shelf is there.
        if !shelves.iter().any(|shelf| shelf.slug == slug) {
            return Err(AppError::NotFound);
        }
    }
    let products = match query.q.trim() {
        "" => orders.list_products(category, &page).await?,
        words => orders.search_products(words, category, &page).await?,
    };
    Ok(Json(PageBody::<ProductBody>::from(products)).into_response())
}

/// Shows a product
#[utoipa::path(
    get,
    path = "/products/{slug}",
    tag = "orders",
    params(("slug" = String, Path, description = "The product's name in addresses")),
    responses((status = 200, body = ProductBody), Problems),
)]
pub(super) async fn show(State(orders): State<Orders>, Path(slug): Path<String>) -> Result {
    let product = orders.get_product(&slug).await?;
    Ok(Json(ProductBody::from(product)).into_response())
}

/// Lists the categories
#[utoipa::path(
    get,
    path = "/categories",
    tag = "orders",
    responses((status = 200, body = Vec<CategoryBody>), Problems),
)]
pub(super) async fn categories(State(orders): State<Orders>) -> Result {
    let categories = orders.list_categories().await?;
    let categories: Vec<_> = categories.into_iter().map(CategoryBody::from).collect();
    Ok(Json(categories).into_response())
}
