use axum::extract::State;
use orders::{OrderNumber, Orders};

use super::order::OrderBody;
use crate::http::api::{ApiStaff, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::idempotency::Once;

/// Notes that a paid order is on its way
///
/// For staff: to everybody else this operation does not exist.
#[utoipa::path(
    post,
    path = "/orders/{number}/ship",
    tag = "orders",
    security(("bearer" = ["staff"])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = OrderBody), Problems),
)]
pub(super) async fn ship(
    State(orders): State<Orders>,
    ApiStaff(staff): ApiStaff,
    once: Once,
    Path(number): Path<OrderNumber>,
) -> Result {
    let mut tx = once.begin().await?;
    let order = orders.ship_in_tx(&mut tx, staff, number).await?;
    once.commit(tx, Json(OrderBody::from(order))).await
}

/// Notes that a shipped order has arrived
///
/// For staff: to everybody else this operation does not exist.
#[utoipa::path(
    post,
    path = "/orders/{number}/complete",
    tag = "orders",
    security(("bearer" = ["staff"])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = OrderBody), Problems),
)]
pub(super) async fn complete(
    State(orders): State<Orders>,
    ApiStaff(staff): ApiStaff,
    once: Once,
    Path(number): Path<OrderNumber>,
) -> Result {
    let mut tx = once.begin().await?;
    let order = orders.complete_in_tx(&mut tx, staff, number).await?;
    once.commit(tx, Json(OrderBody::from(order))).await
}
