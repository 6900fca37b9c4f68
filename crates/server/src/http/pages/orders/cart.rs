use askama::Template;
use axum::extract::State;
use kernel::ProductId;
use orders::{Cart, CartLine, CartOwner, Orders};

use super::CurrentCart;
use crate::http::error::Result;
use crate::http::pages::{self, Layout, filters};

/// A quantity that was asked for and cannot be had.
pub(super) struct RefusedQuantity {
    pub(super) product_id: ProductId,
    pub(super) given: String,
    pub(super) message: &'static str,
}

#[derive(Template)]
#[template(path = "orders/cart.html")]
pub(super) struct CartPage {
    layout: Layout,
    cart: Cart,
    refused: Option<RefusedQuantity>,
}

impl CartPage {
    pub(super) async fn load(
        orders: &Orders,
        layout: Layout,
        owner: Option<CartOwner>,
        refused: Option<RefusedQuantity>,
    ) -> Result<Self> {
        let cart = match owner {
            Some(owner) => orders.show_cart(&owner).await?,
            None => Cart::default(),
        };
        Ok(Self {
            layout,
            cart,
            refused,
        })
    }

    fn refused(&self, line: &CartLine) -> Option<&RefusedQuantity> {
        let refused = self.refused.as_ref();
        refused.filter(|refused| refused.product_id == line.product.id)
    }

    fn can_be_ordered(&self) -> bool {
        self.cart.lines.iter().all(CartLine::is_in_stock)
    }
}

/// What the cart holds, at today's prices.
pub(super) async fn show(
    State(orders): State<Orders>,
    layout: Layout,
    CurrentCart(owner): CurrentCart,
) -> Result {
    pages::show(&CartPage::load(&orders, layout, owner, None).await?)
}
