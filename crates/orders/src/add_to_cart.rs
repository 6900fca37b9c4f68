use anyhow::Context as _;
use kernel::{CartId, ProductId};
use platform::db::Tx;
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
    /// Puts more of a product into a cart, in a transaction of its own: see [`Orders::add_to_cart_in_tx`].
    pub async fn add_to_cart(
        &self,
        owner: &CartOwner,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<(), AddToCartError> {
        let mut tx = self.db.begin().await?;
        self.add_to_cart_in_tx(&mut tx, owner, product_id, quantity)
            .await?;
        tx.commit().await.context("commit cart")?;
        Ok(())
    }

    /// Puts more of a product into a cart, up to [`Quantity::MAX`] of it. Whether there are enough in stock shows when the
    /// cart is looked at and when it is ordered: until then nothing is reserved.
    #[instrument(name = "orders.add_to_cart", skip_all)]
    pub async fn add_to_cart_in_tx(
        &self,
        tx: &mut Tx,
        owner: &CartOwner,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<(), AddToCartError> {
        let id = CartId::generate(&self.clock, &self.entropy);
        let product = db::catalogue::find_product_by_id(tx, product_id).await?;
        let product = product.ok_or(AddToCartError::NoSuchProduct)?;
        let id = db::carts::open(tx, id, owner, self.clock.now()).await?;
        let cart = db::carts::load(tx, owner).await?;
        let quantity = cart.quantity_after_adding(&product, quantity)?;
        db::carts::put(tx, id, &[(product_id, quantity)]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, Money, ProductId, Token};

    use super::*;
    use crate::testing::a_shop;

    #[tokio::test]
    async fn adding_twice_adds_up() {
        let (_platform, orders) = a_shop().await;
        let owner = CartOwner::User(orders.a_user());
        let product = orders.a_product().await;
        for quantity in [1, 2] {
            let quantity = Quantity::try_from(quantity).unwrap();
            orders
                .add_to_cart(&owner, product.id, quantity)
                .await
                .unwrap();
        }
        let cart = orders.show_cart(&owner).await.unwrap();
        assert_eq!(cart.count(), 3);
        assert_eq!(cart.total, Some(Money::new(3_750, Currency::Eur)));
        assert_eq!(cart.lines[0].product, product);
    }

    #[tokio::test]
    async fn a_browser_that_has_not_signed_in_has_a_cart_of_its_own() {
        let (_platform, orders) = a_shop().await;
        let product = orders.a_product().await;
        let [one, two] =
            [1, 2].map(|_| CartOwner::Anonymous(Token::generate(&orders.entropy).hash()));
        orders
            .add_to_cart(&one, product.id, Quantity::ONE)
            .await
            .unwrap();
        assert_eq!(orders.show_cart(&one).await.unwrap().count(), 1);
        assert_eq!(orders.show_cart(&two).await.unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_the_shop_does_not_sell_stays_out() {
        let (_platform, orders) = a_shop().await;
        let owner = CartOwner::User(orders.a_user());
        let unknown = ProductId::generate(&orders.clock, &orders.entropy);
        let retired = orders.a_product().await;
        orders.retire(&retired).await;
        for id in [unknown, retired.id] {
            let added = orders.add_to_cart(&owner, id, Quantity::ONE).await;
            assert!(matches!(added, Err(AddToCartError::NoSuchProduct)));
        }
    }

    #[tokio::test]
    async fn a_product_of_another_currency_is_refused() {
        let (_platform, orders) = a_shop().await;
        let owner = CartOwner::User(orders.a_user());
        let euros = orders.a_product().await;
        let dollars = Money::new(1_250, Currency::Usd);
        let dollars = orders
            .a_product_with(|product| product.price = dollars)
            .await;
        orders
            .add_to_cart(&owner, euros.id, Quantity::ONE)
            .await
            .unwrap();
        let added = orders.add_to_cart(&owner, dollars.id, Quantity::ONE).await;
        let refusal = CartRefusal::OtherCurrency;
        assert!(matches!(added, Err(AddToCartError::Refused(why)) if why == refusal));
    }
}
