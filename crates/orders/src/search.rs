use std::collections::HashMap;

use kernel::{Page, PageRequest, ProductId};
use tracing::instrument;
use uuid::Uuid;

use crate::browse::ListProductsError;
use crate::product::{Product, as_slug};
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
        // The one character that PostgreSQL's text cannot hold.
        let words = words.replace('\0', " ");
        let category = category.map(as_slug);
        let matches =
            db::catalogue::search(&mut connection, &words, category, behind, page.size.rows())
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

#[cfg(test)]
mod tests {
    use kernel::PageSize;

    use super::*;
    use crate::testing::a_shop;

    async fn three_mugs_and_a_lamp(orders: &Orders) -> [ProductId; 3] {
        orders
            .a_product_with(|product| product.title = "Lamp".into())
            .await;
        let described = orders
            .a_product_with(|product| product.description = "Not a mug, but a jar.".into())
            .await;
        let titled = orders
            .a_product_with(|product| product.title = "Tall mugs".into())
            .await;
        let summed_up = orders
            .a_product_with(|product| {
                product.summary = "A mug for tea.".into();
                product.category = "tea".into();
            })
            .await;
        [titled.id, summed_up.id, described.id]
    }

    #[tokio::test]
    async fn the_title_weighs_more_than_the_text() {
        let (_platform, orders) = a_shop().await;
        let expected = three_mugs_and_a_lamp(&orders).await;
        let found = orders
            .search_products("mug", None, &PageRequest::default())
            .await;
        let ids: Vec<_> = found
            .unwrap()
            .items
            .iter()
            .map(|product| product.id)
            .collect();
        assert_eq!(ids, expected);
    }

    #[tokio::test]
    async fn pages_of_a_search_neither_repeat_nor_skip() {
        let (_platform, orders) = a_shop().await;
        let mut expected = three_mugs_and_a_lamp(&orders).await.to_vec();
        for _ in 0..3 {
            let twin = orders
                .a_product_with(|product| product.title = "Tall mugs".into())
                .await;
            expected.push(twin.id);
        }
        let mut page = PageRequest {
            after: None,
            size: PageSize::clamped(1),
        };
        let mut seen = Vec::new();
        loop {
            let part = orders.search_products("mug", None, &page).await.unwrap();
            seen.extend(part.items.iter().map(|product| product.id));
            page.after = part.next;
            if page.after.is_none() {
                break;
            }
        }
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn words_can_be_combined_and_confined_to_a_shelf() {
        let (_platform, orders) = a_shop().await;
        three_mugs_and_a_lamp(&orders).await;
        for (words, category, expected) in [
            ("mug -tea", None, 2),
            ("lamp or jar", None, 2),
            ("\"tall mug\"", None, 1),
            ("mug", Some("tea"), 1),
            ("the", None, 0),
            ("' & | ! :*", None, 0),
            ("mug\0", Some("t\0a"), 0),
        ] {
            let page = PageRequest::default();
            let found = orders
                .search_products(words, category, &page)
                .await
                .unwrap();
            assert_eq!(found.items.len(), expected, "{words}");
        }
    }
}
