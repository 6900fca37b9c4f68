use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use kernel::{ProductId, Token};
use orders::{AddToCartError, CartOwner, InvalidQuantity, Orders, Quantity, SetQuantityError};
use serde::Deserialize;

use super::CurrentCart;
use super::cart::{CartPage, RefusedQuantity};
use super::product::ProductPage;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::{Form, Path};
use crate::http::forms::FieldErrors;
use crate::http::pages::{self, Layout};
use crate::http::session::Flash;

const QUANTITY: &str = "Choose a quantity from 1 to 99.";

/// A product and how many of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AddForm {
    slug: String,
    quantity: String,
}

/// Puts a product into the cart. A browser's first product makes its cart.
pub(super) async fn add(
    State(app): State<App>,
    State(orders): State<Orders>,
    layout: Layout,
    CurrentCart(owner): CurrentCart,
    Form(form): Form<AddForm>,
) -> Result {
    let Ok(quantity) = parse(&form.quantity) else {
        let errors = FieldErrors::of("quantity", QUANTITY);
        let page = ProductPage::load(&orders, layout, &form.slug, form.quantity, errors);
        return pages::show_again(&page.await?);
    };
    let product = orders.get_product(&form.slug).await?;
    let cookies = app.site().cookies;
    let (owner, new_cart) = owner.map_or_else(
        || {
            let token = Token::generate(&app.platform().entropy);
            (
                CartOwner::Anonymous(token.hash()),
                Some(cookies.cart(&token)),
            )
        },
        |owner| (owner, None),
    );
    let message = match orders.add_to_cart(&owner, product.id, quantity).await {
        Ok(()) => Flash::success(format!("{} is in your cart.", product.title)),
        Err(refused @ AddToCartError::Refused(_)) => {
            Flash::error(AppError::from(refused).describe().detail)
        }
        Err(error) => return Err(error.into()),
    };
    Ok((new_cart, message.redirect(&app, "/cart")).into_response())
}

/// How many of a product. None takes it out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChangeForm {
    quantity: String,
}

/// Changes how many of a product the cart holds.
pub(super) async fn change(
    State(orders): State<Orders>,
    layout: Layout,
    CurrentCart(owner): CurrentCart,
    Path(product_id): Path<ProductId>,
    Form(form): Form<ChangeForm>,
) -> Result {
    let owner = owner.ok_or(AppError::NotFound)?;
    if form.quantity.trim() == "0" {
        orders.remove_from_cart(&owner, product_id).await?;
        return Ok(Redirect::to("/cart").into_response());
    }
    let Ok(quantity) = parse(&form.quantity) else {
        let refused = RefusedQuantity {
            product_id,
            given: form.quantity,
            message: QUANTITY,
        };
        let page = CartPage::load(&orders, layout, Some(owner), Some(refused));
        return pages::show_again(&page.await?);
    };
    match orders.set_quantity(&owner, product_id, quantity).await {
        // It was taken out in another window: the cart shows as much.
        Ok(()) | Err(SetQuantityError::NotInCart) => Ok(Redirect::to("/cart").into_response()),
        Err(error) => Err(error.into()),
    }
}

fn parse(text: &str) -> Result<Quantity, InvalidQuantity> {
    let number: u32 = text.trim().parse().map_err(|_| InvalidQuantity)?;
    number.try_into()
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_quantity_is_what_was_typed() {
        fuzzing::text("quantity", |text| {
            if let Ok(quantity) = parse(text) {
                let number = quantity.get();
                assert!((1..=Quantity::MAX.get()).contains(&number));
                assert_eq!(
                    text.trim().trim_start_matches('+').trim_start_matches('0'),
                    number.to_string()
                );
            }
        });
    }
}
