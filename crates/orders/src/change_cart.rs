use anyhow::Context as _;
use kernel::{CartId, ProductId};
use tracing::instrument;

use crate::cart::{CartOwner, Quantity};
use crate::{Orders, db};

/// Why a quantity was not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetQuantityError {
    /// The cart does not hold the product.
    #[error("this product is not in the cart")]
    NotInCart,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Changes how many of a product a cart holds.
    #[instrument(name = "orders.set_quantity", skip_all)]
    pub async fn set_quantity(
        &self,
        owner: &CartOwner,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<(), SetQuantityError> {
        let id = CartId::generate(&self.clock, &self.entropy);
        let mut tx = self.db.begin().await?;
        let id = db::carts::open(&mut tx, id, owner, self.clock.now()).await?;
        if !db::carts::set_quantity(&mut tx, id, product_id, quantity).await? {
            return Err(SetQuantityError::NotInCart);
        }
        tx.commit().await.context("commit cart")?;
        Ok(())
    }

    /// Takes a product out of a cart. One that is not in it is out of it already.
    #[instrument(name = "orders.remove_from_cart", skip_all)]
    pub async fn remove_from_cart(
        &self,
        owner: &CartOwner,
        product_id: ProductId,
    ) -> anyhow::Result<()> {
        let id = CartId::generate(&self.clock, &self.entropy);
        let mut tx = self.db.begin().await?;
        let id = db::carts::open(&mut tx, id, owner, self.clock.now()).await?;
        db::carts::remove(&mut tx, id, product_id).await?;
        tx.commit().await.context("commit cart")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn a_quantity_is_replaced() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let owner = CartOwner::User(ann);
        let product = orders.a_product().await;
        orders.a_filled_cart(ann, &product, 5).await;
        orders
            .set_quantity(&owner, product.id, Quantity::ONE)
            .await
            .unwrap();
        assert_eq!(orders.show_cart(&owner).await.unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_is_not_in_the_cart_has_no_quantity_and_is_out_of_it() {
        let (_platform, orders) = a_shop().await;
        let (ann, bob) = (orders.a_user(), CartOwner::User(orders.a_user()));
        let product = orders.a_product().await;
        orders.a_filled_cart(ann, &product, 5).await;
        let set = orders.set_quantity(&bob, product.id, Quantity::ONE).await;
        assert!(matches!(set, Err(SetQuantityError::NotInCart)));
        orders.remove_from_cart(&bob, product.id).await.unwrap();
        let cart = orders.show_cart(&CartOwner::User(ann)).await.unwrap();
        assert_eq!(cart.count(), 5);
    }
}
