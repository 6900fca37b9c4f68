use kernel::{InvalidCursor, Page, PageRequest, ProductId};
use tracing::instrument;
use uuid::Uuid;

use crate::product::{Category, Product, as_slug};
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
        let products = match category.map(as_slug) {
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
        let product = db::catalogue::find_product(&mut connection, as_slug(slug)).await?;
        product.ok_or(GetProductError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Cursor, PageSize};

    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn pages_show_each_product_once_newest_first() {
        let (_platform, orders) = a_shop().await;
        let mut expected = Vec::new();
        for _ in 0..5 {
            expected.push(orders.a_product().await.id);
        }
        let gone = orders.a_product().await;
        orders.retire(&gone).await;
        expected.sort_unstable();
        expected.reverse();

        let mut page = PageRequest {
            after: None,
            size: PageSize::clamped(2),
        };
        let mut seen = Vec::new();
        loop {
            let part = orders.list_products(None, &page).await.unwrap();
            seen.extend(part.items.iter().map(|product| product.id));
            page.after = part.next;
            if page.after.is_none() {
                break;
            }
        }

        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn a_shelf_shows_its_own_products() {
        let (_platform, orders) = a_shop().await;
        let thing = orders.a_product().await;
        let mug = orders
            .a_product_with(|product| product.category = "mugs".into())
            .await;
        let page = PageRequest::default();
        let mugs = orders.list_products(Some("mugs"), &page).await.unwrap();
        assert_eq!(mugs.items, [mug]);
        let things = orders.list_products(Some("things"), &page).await.unwrap();
        assert_eq!(things.items, [thing]);
        for slug in ["no-such-shelf", "nul\0byte"] {
            let nothing = orders.list_products(Some(slug), &page).await.unwrap();
            assert!(nothing.items.is_empty());
        }
        assert_eq!(orders.list_categories().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_cursor_of_another_list_is_refused() {
        let (_platform, orders) = a_shop().await;
        let after = Some(Cursor::encode(&42));
        let page = PageRequest {
            after,
            ..PageRequest::default()
        };
        let listed = orders.list_products(None, &page).await;
        assert!(matches!(listed, Err(ListProductsError::InvalidCursor(_))));
        let found = orders.search_products("mug", None, &page).await;
        assert!(matches!(found, Err(ListProductsError::InvalidCursor(_))));
    }

    #[tokio::test]
    async fn a_product_is_found_by_its_name_while_it_is_sold() {
        let (_platform, orders) = a_shop().await;
        let product = orders.a_product().await;
        assert_eq!(orders.get_product(&product.slug).await.unwrap(), product);
        orders.retire(&product).await;
        for slug in [product.slug.as_str(), "no-such-product", "nul\0byte", ""] {
            let found = orders.get_product(slug).await;
            assert!(matches!(found, Err(GetProductError::NotFound)), "{slug:?}");
        }
    }
}
