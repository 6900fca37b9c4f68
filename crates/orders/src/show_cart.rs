use tracing::instrument;

use crate::cart::{Cart, CartOwner};
use crate::{Orders, db};

impl Orders {
    /// What a cart holds, at today's prices.
    #[instrument(name = "orders.show_cart", skip_all)]
    pub async fn show_cart(&self, owner: &CartOwner) -> anyhow::Result<Cart> {
        let mut connection = self.db.acquire().await?;
        db::carts::load(&mut connection, owner).await
    }
}
