use anyhow::Context as _;
use kernel::{CartId, ProductId};
use tracing::instrument;

use crate::cart::{CartOwner, CartRefusal, Quantity};
use crate::{Orders, db};

/// Why a product was not put into a cart.
#[derive(Debug, thiserror::Error)]
pub enum AddToCartError {
    /// The shop does not sell it.
    #[error("this product is not sold here")]
    NoSuchProduct,
    /// The cart cannot take it in.
    #[error(transparent)]
    Refused(#[from] CartRefusal),
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Puts more of a product into a cart, up to [`Quantity::MAX`] of it. Whether there are enough in stock shows when the
    /// cart is looked at and when it is ordered: until then nothing is reserved.
    #[instrument(name = "orders.add_to_cart", skip_all)]
    pub async fn add_to_cart(
        &self,
        owner: &CartOwner,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<(), AddToCartError> {
        let id = CartId::generate(&self.clock, &self.entropy);
        let mut tx = self.db.begin().await?;
        let product = db::catalogue::find_product_by_id(&mut tx, product_id).await?;
        let product = product.ok_or(AddToCartError::NoSuchProduct)?;
        let id = db::carts::open(&mut tx, id, owner, self.clock.now()).await?;
        let cart = db::carts::load(&mut tx, owner).await?;
        let quantity = cart.quantity_after_adding(&product, quantity)?;
        db::carts::put(&mut tx, id, &[(product_id, quantity)]).await?;
        tx.commit().await.context("commit cart")?;
        Ok(())
    }
}
