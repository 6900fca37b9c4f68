use axum::extract::State;
use axum::response::IntoResponse;
use kernel::ProductId;
use orders::{Cart, CartLine, CartOwner, Orders, Quantity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::api::{ApiUser, MoneyBody, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path};
use crate::http::forms::FieldErrors;
use crate::http::idempotency::Once;

/// What you mean to buy, at today's prices.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub(super) struct CartBody {
    /// One line a product.
    lines: Vec<CartLineBody>,
    /// The sum of the lines; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<MoneyBody>,
}

/// One product of a cart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CartLine)]
pub(super) struct CartLineBody {
    /// The product.
    #[schema(value_type = uuid::Uuid)]
    product_id: ProductId,
    /// Its title.
    title: String,
    /// How many.
    quantity: u32,
    /// The price of one.
    unit_price: MoneyBody,
    /// The price of all of them.
    line_total: MoneyBody,
    /// Whether there are enough of it to order.
    in_stock: bool,
}

impl From<CartLine> for CartLineBody {
    fn from(line: CartLine) -> Self {
        Self {
            product_id: line.product.id,
            in_stock: line.is_in_stock(),
            title: line.product.title,
            quantity: line.quantity.get(),
            unit_price: line.product.price.into(),
            line_total: line.total.into(),
        }
    }
}

impl From<Cart> for CartBody {
    fn from(cart: Cart) -> Self {
        Self {
            lines: cart.lines.into_iter().map(CartLineBody::from).collect(),
            total: cart.total.map(MoneyBody::from),
        }
    }
}

/// A product and how many of it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AddToCart)]
pub(super) struct AddBody {
    /// The product.
    #[schema(value_type = uuid::Uuid)]
    product_id: ProductId,
    /// How many to add.
    #[schema(minimum = 1, maximum = 99)]
    quantity: u32,
}

/// How many of a product.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CartQuantity)]
pub(super) struct QuantityBody {
    /// How many the cart is to hold.
    #[schema(minimum = 1, maximum = 99)]
    quantity: u32,
}

/// Shows your cart
#[utoipa::path(
    get,
    path = "/cart",
    tag = "orders",
    security(("bearer" = [])),
    responses((status = 200, body = CartBody), Problems),
)]
pub(super) async fn show(State(orders): State<Orders>, user: ApiUser) -> Result {
    answer(&orders, &CartOwner::User(user.id())).await
}

/// Puts a product into your cart
///
/// If it is in the cart already, the quantities add up, to 99 at most.
#[utoipa::path(
    post,
    path = "/cart/lines",
    tag = "orders",
    security(("bearer" = [])),
    request_body = AddBody,
    responses((status = 200, body = CartBody), Problems),
)]
pub(super) async fn add(
    State(orders): State<Orders>,
    user: ApiUser,
    once: Once,
    Json(body): Json<AddBody>,
) -> Result {
    let owner = CartOwner::User(user.id());
    let quantity = parse(body.quantity)?;
    let mut tx = once.begin().await?;
    orders
        .add_to_cart_in_tx(&mut tx, &owner, body.product_id, quantity)
        .await?;
    let cart = orders.show_cart_in_tx(&mut tx, &owner).await?;
    once.commit(tx, Json(CartBody::from(cart))).await
}

/// Changes how many of a product your cart holds
#[utoipa::path(
    put,
    path = "/cart/lines/{product_id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("product_id" = uuid::Uuid, Path, description = "The product's id")),
    request_body = QuantityBody,
    responses((status = 200, body = CartBody), Problems),
)]
pub(super) async fn change(
    State(orders): State<Orders>,
    user: ApiUser,
    Path(product_id): Path<ProductId>,
    Json(body): Json<QuantityBody>,
) -> Result {
    let owner = CartOwner::User(user.id());
    let quantity = parse(body.quantity)?;
    orders.set_quantity(&owner, product_id, quantity).await?;
    answer(&orders, &owner).await
}

/// Takes a product out of your cart
#[utoipa::path(
    delete,
    path = "/cart/lines/{product_id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("product_id" = uuid::Uuid, Path, description = "The product's id")),
    responses((status = 200, body = CartBody), Problems),
)]
pub(super) async fn remove(
    State(orders): State<Orders>,
    user: ApiUser,
    Path(product_id): Path<ProductId>,
) -> Result {
    let owner = CartOwner::User(user.id());
    orders.remove_from_cart(&owner, product_id).await?;
    answer(&orders, &owner).await
}

async fn answer(orders: &Orders, owner: &CartOwner) -> Result {
    let cart = orders.show_cart(owner).await?;
    Ok(Json(CartBody::from(cart)).into_response())
}

fn parse(quantity: u32) -> Result<Quantity> {
    let message = "Choose a quantity from 1 to 99.";
    Quantity::try_from(quantity)
        .map_err(|_| AppError::Invalid(FieldErrors::of("quantity", message)))
}
