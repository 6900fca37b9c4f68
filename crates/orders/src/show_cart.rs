use platform::db::Tx;
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

    /// What a cart holds after the changes of `tx`.
    pub async fn show_cart_in_tx(&self, tx: &mut Tx, owner: &CartOwner) -> anyhow::Result<Cart> {
        db::carts::load(tx, owner).await
    }

    /// How many pieces a cart holds.
    #[instrument(name = "orders.count_cart", skip_all)]
    pub async fn count_cart(&self, owner: &CartOwner) -> anyhow::Result<u32> {
        let mut connection = self.db.acquire().await?;
        db::carts::count(&mut connection, owner).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn a_count_agrees_with_the_cart() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let owner = CartOwner::User(ann);
        assert_eq!(orders.count_cart(&owner).await.unwrap(), 0);
        for quantity in [2, 3] {
            let product = orders.a_product().await;
            orders.a_filled_cart(ann, &product, quantity).await;
        }
        assert_eq!(orders.count_cart(&owner).await.unwrap(), 5);
        assert_eq!(orders.show_cart(&owner).await.unwrap().count(), 5);
    }
}
