//! Pages of the module `orders`.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::app::App;
use crate::http::{idempotency, uploads};

mod attachment_upload;
mod attachments;
mod cancel;
mod cart;
mod cart_lines;
mod checkout;
mod history;
mod home;
mod order;
mod owner;
mod product;
mod products;

pub(super) use owner::CurrentCart;

pub(super) fn routes(app: &App) -> Router<App> {
    let place = post(checkout::place).layer(from_fn_with_state(app.clone(), idempotency::by_form));
    let attach = post(attachments::attach).layer(DefaultBodyLimit::max(uploads::FORM_BODY));
    Router::new()
        .route("/", get(home::show))
        .route("/products", get(products::list))
        .route("/products/{slug}", get(product::show))
        .route("/cart", get(cart::show))
        .route("/cart/lines", post(cart_lines::add))
        .route("/cart/lines/{product_id}", post(cart_lines::change))
        .route("/checkout", place.get(checkout::show))
        .route("/orders", get(history::list))
        .route("/orders/{number}", get(order::show))
        .route("/orders/{number}/cancel", post(cancel::cancel))
        .route("/orders/{number}/attachments", attach)
        .route("/orders/{number}/attachments/{id}", get(attachments::save))
        .route(
            "/orders/{number}/attachments/{id}/remove",
            post(attachments::remove),
        )
        .route(
            "/orders/{number}/attachments/uploads",
            post(attachment_upload::start),
        )
        .route(
            "/orders/{number}/attachments/uploads/{id}/finish",
            post(attachment_upload::finish),
        )
}

#[cfg(test)]
mod tests;
