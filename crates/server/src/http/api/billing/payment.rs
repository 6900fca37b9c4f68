use axum::extract::State;
use axum::response::IntoResponse;
use billing::{Billing, PaymentView};
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::PaymentId;
use orders::{OrderNumber, Orders};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::api::{ApiUser, MoneyBody, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path};
use crate::http::payment::start_checkout;

/// Where a person is to pay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Checkout)]
pub(super) struct CheckoutBody {
    /// The page of the payment provider. It is good for an hour; ask again for another.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_1")]
    url: String,
}

/// The payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentBody {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: PaymentId,
    /// The number of the order.
    order_number: String,
    /// How much.
    amount: MoneyBody,
    /// `opened`, `pending`, `succeeded`, `refunded`, `failed` or `abandoned`.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// When it was paid.
    paid_at: Option<DateTime<Utc>>,
}

impl From<PaymentView> for PaymentBody {
    fn from(payment: PaymentView) -> Self {
        Self {
            id: payment.id,
            order_number: payment.order_number,
            amount: payment.amount.into(),
            status: payment.status.as_str(),
            paid_at: payment.paid_at,
        }
    }
}

/// Starts paying for an order
///
/// Gives the address of the provider's page. Asking twice gives the same page, and charges nothing twice.
#[utoipa::path(
    post,
    path = "/orders/{number}/payment",
    tag = "billing",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 201, body = CheckoutBody), Problems),
)]
pub(super) async fn start(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: ApiUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let checkout = start_checkout(&orders, &billing, app.site(), user.id(), number).await?;
    let body = CheckoutBody { url: checkout.url };
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// Shows the payment of an order
#[utoipa::path(
    get,
    path = "/orders/{number}/payment",
    tag = "billing",
    security(("bearer" = [])),
    params(("number" = i64, Path, description = "The order's number")),
    responses((status = 200, body = PaymentBody), Problems),
)]
pub(super) async fn show(
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: ApiUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.get(user.id(), number).await?.order;
    let payment = billing.payment_of_order(user.id(), order.id).await?;
    let body = PaymentBody::from(payment.ok_or(AppError::NotFound)?);
    Ok(Json(body).into_response())
}
