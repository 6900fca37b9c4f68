use axum::extract::State;
use axum::response::IntoResponse;
use orders::{OrderNumber, Orders};

use super::order::OrderBody;
use crate::http::api::{ApiStaff, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};

/// Notes that a paid order is on its way
///
/// For staff: to everybody else this operation does not exist.
#[utoipa::path(
    post,
    path = "/orders/{number}/ship",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = OrderBody), Problems),
)]
pub(super) async fn ship(
    State(orders): State<Orders>,
    ApiStaff(staff): ApiStaff,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.ship(staff, number).await?;
    Ok(Json(OrderBody::from(order)).into_response())
}

/// Notes that a shipped order has arrived
///
/// For staff: to everybody else this operation does not exist.
#[utoipa::path(
    post,
    path = "/orders/{number}/complete",
    tag = "orders",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = OrderBody), Problems),
)]
pub(super) async fn complete(
    State(orders): State<Orders>,
    ApiStaff(staff): ApiStaff,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.complete(staff, number).await?;
    Ok(Json(OrderBody::from(order)).into_response())
}
