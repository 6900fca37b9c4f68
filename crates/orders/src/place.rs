use anyhow::Context as _;
use kernel::{EmailAddress, Money, OrderId, UserId};
use platform::db::Tx;
use tracing::instrument;

use crate::address::Address;
use crate::cart::CartOwner;
use crate::events::OrderPlaced;
use crate::jobs::SendConfirmation;
use crate::order::Order;
use crate::{Orders, db};

/// What a customer says at checkout.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// Where letters about the order go.
    pub email: EmailAddress,
    /// Where the goods go.
    pub delivery: Address,
    /// The total that the customer saw and agreed to. A price that changed meanwhile is shown, never silently charged.
    pub expected_total: Money,
}

/// Why no order was placed. The cart is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// There is nothing to order.
    #[error("the cart is empty")]
    EmptyCart,
    /// The cart no longer costs what the customer saw.
    #[error("the total is now {total}")]
    TotalChanged {
        /// What it costs now.
        total: Money,
    },
    /// There are fewer of some products than the cart asks for.
    #[error("not enough in stock: {}", titles.join(", "))]
    OutOfStock {
        /// The products.
        titles: Vec<String>,
    },
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// Turns the person's cart into an order, in a transaction of its own: see [`Orders::place_in_tx`].
    pub async fn place(&self, user_id: UserId, command: PlaceOrder) -> Result<Order, PlaceError> {
        let mut tx = self.db.begin().await?;
        let order = self.place_in_tx(&mut tx, user_id, command).await?;
        tx.commit().await.context("commit order")?;
        Ok(order)
    }

    /// Turns the person's cart into an order.
    #[instrument(name = "orders.place", skip_all)]
    pub async fn place_in_tx(
        &self,
        tx: &mut Tx,
        user_id: UserId,
        command: PlaceOrder,
    ) -> Result<Order, PlaceError> {
        let now = self.clock.now();
        let id = OrderId::generate(&self.clock, &self.entropy);
        let owner = CartOwner::User(user_id);

        let cart_id = db::carts::lock(tx, &owner).await?;
        let cart_id = cart_id.ok_or(PlaceError::EmptyCart)?;
        let cart = db::carts::load_and_lock_products(tx, &owner).await?;
        let number = db::orders::next_number(tx).await?;
        let order = Order::place(id, number, user_id, cart, command, now)?;
        db::catalogue::take_stock(tx, &order.lines).await?;
        db::orders::insert(tx, &order).await?;
        db::carts::empty(tx, cart_id).await?;
        self.events.publish(tx, &OrderPlaced::from(&order)).await?;
        let confirmation = SendConfirmation { order_id: order.id };
        self.jobs.enqueue(tx, &confirmation).await?;
        Ok(order)
    }
}

#[cfg(test)]
mod tests;
