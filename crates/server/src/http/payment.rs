//! What pages and API share about paying: from an order to the provider's page, and the provider's own calls.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::IntoResponse;
use axum::routing::post;
use billing::{
    Billing, Checkout, OpenPayment, PaymentStatus, ReceiveWebhookError, ReturnUrls,
    StartCheckoutError,
};
use http::{HeaderMap, StatusCode};
use kernel::UserId;
use orders::{GetOrderError, OrderNumber, OrderStatus, Orders};

use crate::app::{App, Site};
use crate::http::error::{AppError, Result};
use crate::http::extract::Raw;

/// How long a person waits for the provider before being told to try again. Less than a request may take, so that they are
/// told so in words.
const PATIENCE: Duration = Duration::from_secs(8);

/// The longest webhook that is read.
const WEBHOOK_BODY: usize = 64 * 1024;

/// Where the provider reports what has happened.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks/payments", post(receive_webhook))
        .layer(DefaultBodyLimit::max(WEBHOOK_BODY))
}

/// The page at the provider on which a person pays for their order.
pub(super) async fn start_checkout(
    orders: &Orders,
    billing: &Billing,
    site: &Site,
    user_id: UserId,
    number: OrderNumber,
) -> Result<Checkout, StartCheckoutError> {
    let order = match orders.get(user_id, number).await {
        Ok(tracked) => tracked.order,
        Err(GetOrderError::NotFound) => return Err(StartCheckoutError::NotFound),
        Err(GetOrderError::Unexpected(error)) => return Err(error.into()),
    };
    // The payment hears of the cancellation by a job, which may have yet to run.
    if order.status == OrderStatus::Cancelled {
        return Err(StartCheckoutError::NotPayable(PaymentStatus::Abandoned));
    }
    let open = OpenPayment {
        order_id: order.id,
        order_number: number.to_string(),
        user_id,
        amount: order.total,
    };
    let checkout = billing.start_checkout(open, return_urls(site, number)?);
    // What is given up here has been saved, and is taken up again by the next attempt.
    tokio::time::timeout(PATIENCE, checkout)
        .await
        .unwrap_or_else(|late| Err(StartCheckoutError::ProviderUnavailable(late.into())))
}

fn return_urls(site: &Site, number: OrderNumber) -> anyhow::Result<ReturnUrls> {
    let payment = format!("/orders/{number}/payment");
    Ok(ReturnUrls {
        success: site.public_url.join(&format!("{payment}/returned"))?,
        cancel: site.public_url.join(&format!("{payment}/cancelled"))?,
    })
}

/// Takes in a webhook. The signature is what tells who sends it: there is no session and no token.
async fn receive_webhook(
    State(billing): State<Billing>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result {
    // Not fuzzed: what `billing` makes of it is.
    let signature = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match billing.receive_webhook(&body, signature).await {
        Ok(()) => Ok(StatusCode::OK.into_response()),
        Err(
            refused @ (ReceiveWebhookError::InvalidSignature(_) | ReceiveWebhookError::Malformed),
        ) => {
            tracing::warn!(%refused, "webhook refused");
            Err(AppError::BadRequest(refused.to_string().into()))
        }
        Err(ReceiveWebhookError::TooLong) => Err(AppError::TooLarge),
        Err(ReceiveWebhookError::Unexpected(error)) => Err(error.into()),
    }
}
