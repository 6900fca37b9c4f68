use axum::extract::State;
use billing::{Billing, RefundReason, RefundView, RequestRefund};
use http::StatusCode;
use kernel::{Currency, Money, PaymentId, RefundId};
use orders::OrderNumber;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::api::{ApiStaff, MoneyBody, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::Json;
use crate::http::forms::FieldErrors;
use crate::http::idempotency::Once;

/// What to give back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RefundRequest)]
pub(super) struct RefundRequestBody {
    /// The number of the order.
    #[schema(value_type = i64, example = 1001)]
    order_number: OrderNumber,
    /// How much, in the currency of the payment; all that is left of it unless told.
    amount: Option<RefundAmountBody>,
    /// Why, for the audit log: 1 to 500 characters of plain text.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// An amount of money.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RefundAmount)]
pub(super) struct RefundAmountBody {
    /// In integer minor units (cents), at least 1.
    #[schema(minimum = 1, example = 500)]
    minor: i64,
    /// The ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    currency: Currency,
}

/// Money that goes back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
pub(super) struct RefundBody {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: RefundId,
    /// The payment that it takes back.
    #[schema(value_type = uuid::Uuid)]
    payment_id: PaymentId,
    /// How much.
    amount: MoneyBody,
    /// `requested`, `succeeded` or `failed`.
    #[schema(example = "requested")]
    status: &'static str,
}

impl From<RefundView> for RefundBody {
    fn from(refund: RefundView) -> Self {
        Self {
            id: refund.id,
            payment_id: refund.payment_id,
            amount: refund.amount.into(),
            status: refund.status.as_str(),
        }
    }
}

/// Gives back what was paid for an order, or a part of it
///
/// For staff: to everybody else this operation does not exist. The money moves after the answer.
#[utoipa::path(
    post,
    path = "/refunds",
    tag = "billing",
    security(("bearer" = ["staff"])),
    request_body = RefundRequestBody,
    responses((status = 202, body = RefundBody), Problems),
)]
pub(super) async fn request(
    State(billing): State<Billing>,
    ApiStaff(staff): ApiStaff,
    once: Once,
    Json(body): Json<RefundRequestBody>,
) -> Result {
    let reason = RefundReason::parse(&body.reason).map_err(|_| {
        let message = "Say why, in 1 to 500 characters of plain text.";
        AppError::Invalid(FieldErrors::of("reason", message))
    })?;
    let request = RequestRefund {
        order_number: body.order_number.to_string(),
        amount: body
            .amount
            .map(|amount| Money::new(amount.minor, amount.currency)),
        reason,
    };
    let mut tx = once.begin().await?;
    let refund = billing.refund_in_tx(&mut tx, staff, request).await?;
    let answer = (StatusCode::ACCEPTED, Json(RefundBody::from(refund)));
    once.commit(tx, answer).await
}
