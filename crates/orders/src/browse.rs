use kernel::{InvalidCursor, Page, PageRequest, ProductId};
use tracing::instrument;
use uuid::Uuid;

use crate::product::{Category, Product};
use crate::{Orders, db};

/// Why there is no list of products.
#[derive(Debug, thiserror::Error)]
pub enum ListProductsError {
    /// The cursor belongs to another list.
    #[error(transparent)]
    InvalidCursor(#[from] InvalidCursor),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

/// Why there is no such product.
#[derive(Debug, thiserror::Error)]
pub enum GetProductError {
    /// The shop does not sell it, or no longer.
    #[error("there is no such product")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// The shelves of the shop.
    #[instrument(name = "orders.list_categories", skip_all)]
    pub async fn list_categories(&self) -> anyhow::Result<Vec<Category>> {
        let mut connection = self.db.acquire().await?;
        db::catalogue::list_categories(&mut connection).await
    }

    /// The products of the shop or of one of its shelves, newest first.
    #[instrument(name = "orders.list_products", skip_all)]
    pub async fn list_products(
        &self,
        category: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Product>, ListProductsError> {
        // The first page begins below the highest id there can be, so that one query serves every page.
        let below = page.key()?.unwrap_or(ProductId::from_uuid(Uuid::max()));
        let rows = page.size.rows();
        let mut connection = self.db.acquire().await?;
        let products = match category {
            Some(category) => {
                db::catalogue::list_category(&mut connection, category, below, rows).await?
            }
            None => db::catalogue::list_products(&mut connection, below, rows).await?,
        };
        Ok(Page::from_rows(products, page.size, |product| product.id))
    }

    /// The product with this name in addresses.
    #[instrument(name = "orders.get_product", skip_all)]
    pub async fn get_product(&self, slug: &str) -> Result<Product, GetProductError> {
        let mut connection = self.db.acquire().await?;
        let product = db::catalogue::find_product(&mut connection, slug).await?;
        product.ok_or(GetProductError::NotFound)
    }
}
