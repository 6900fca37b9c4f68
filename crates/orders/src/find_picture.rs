use anyhow::Context as _;
use platform::storage::{ObjectKey, StoredObject};
use tracing::instrument;

use crate::Orders;

/// More than any picture of a product takes.
const MAX_BYTES: u64 = 1024 * 1024;

impl Orders {
    /// A product's picture by its name, see [`crate::Product::picture`]. The name changes with the content, so whoever has
    /// fetched a picture may keep it for ever.
    #[instrument(name = "orders.find_picture", skip_all)]
    pub async fn find_picture(&self, name: &str) -> anyhow::Result<Option<StoredObject>> {
        let Ok(key) = ObjectKey::new(format!("products/{name}")) else {
            return Ok(None);
        };
        let picture = self.storage.get(&key, MAX_BYTES).await;
        picture.context("fetch picture")
    }
}
