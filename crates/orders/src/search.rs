use std::collections::HashMap;

use kernel::{Page, PageRequest, ProductId};
use tracing::instrument;
use uuid::Uuid;

use crate::browse::ListProductsError;
use crate::product::Product;
use crate::{Orders, db};

impl Orders {
    /// The products that match what somebody typed, best first. Words must all occur; `"…"` asks for a phrase, `or` for
    /// either, `-` excludes.
    ///
    /// `db::catalogue::search` gives ids and ranks alone, which is what a search engine gives too: it is the one function
    /// to replace.
    #[instrument(name = "orders.search_products", skip_all)]
    pub async fn search_products(
        &self,
        words: &str,
        category: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Product>, ListProductsError> {
        let best = (f32::INFINITY, ProductId::from_uuid(Uuid::max()));
        let behind = page.key()?.unwrap_or(best);
        let mut connection = self.db.acquire().await?;
        let matches =
            db::catalogue::search(&mut connection, words, category, behind, page.size.rows())
                .await?;
        let matches = Page::from_rows(matches, page.size, |found| *found);
        let ids: Vec<_> = matches.items.iter().map(|(_, id)| *id).collect();
        let products = db::catalogue::products_by_id(&mut connection, &ids).await?;
        let mut products: HashMap<_, _> = products
            .into_iter()
            .map(|found| (found.id, found))
            .collect();
        Ok(Page {
            items: ids.iter().filter_map(|id| products.remove(id)).collect(),
            next: matches.next,
        })
    }
}
