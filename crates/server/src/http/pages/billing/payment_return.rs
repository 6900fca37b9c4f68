use std::time::Duration;

use axum::extract::State;
use billing::{Billing, PaymentStatus, PaymentView};
use orders::{OrderNumber, OrderStatus, Orders};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::session::{CurrentUser, Flash};

/// How long the page waits for the provider. A job asks again later, so nothing hangs on it.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where the provider sends a person who has paid. The provider's own message usually arrived before they did; if not, it
/// is asked, so that they see the truth about their money and not a guess.
pub(super) async fn returned(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.get(user.id(), number).await?.order;
    let payment = billing
        .payment_of_order(user.id(), order.id)
        .await?
        .ok_or(AppError::NotFound)?;
    let status = ask(&billing, &payment).await;
    Ok(message(status).redirect(&app, &format!("/orders/{number}")))
}

/// What has become of the payment, as far as the provider says so in time.
async fn ask(billing: &Billing, payment: &PaymentView) -> PaymentStatus {
    match tokio::time::timeout(PATIENCE, billing.check_payment(payment.id)).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => {
            tracing::warn!(
                chain = format!("{:#}", anyhow::Error::new(error)),
                "cannot check a payment"
            );
            payment.status
        }
        Err(_) => payment.status,
    }
}

fn message(status: PaymentStatus) -> Flash {
    match status {
        PaymentStatus::Succeeded => Flash::success(
            "Thank you, your payment has arrived. The invoice is on its way to your inbox.",
        ),
        PaymentStatus::Pending => Flash::success(
            "Thank you. We are waiting for the payment to be confirmed, and will mail you the invoice.",
        ),
        PaymentStatus::Refunded => Flash::success("This payment was refunded."),
        PaymentStatus::Abandoned => {
            Flash::error("This order was cancelled. If you have paid, the money goes back to you.")
        }
        PaymentStatus::Opened => Flash::error("This payment was not completed. Please try again."),
        PaymentStatus::Failed => Flash::error(
            "Something went wrong with this payment, and we are looking into it. Please do not pay again.",
        ),
    }
}

/// Where the provider sends a person who has turned back. Anybody can come by this address at any time, so it says what is
/// known about the payment, and not what coming here suggests.
pub(super) async fn cancelled(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let order = orders.get(user.id(), number).await?.order;
    let status = match billing.payment_of_order(user.id(), order.id).await? {
        // The payment hears of the order, and of its end, by jobs that may have yet to run.
        _ if order.status == OrderStatus::Cancelled => PaymentStatus::Abandoned,
        None => PaymentStatus::Opened,
        Some(payment) => ask(&billing, &payment).await,
    };
    let message = match status {
        PaymentStatus::Opened | PaymentStatus::Pending => Flash::error(
            "No payment has arrived yet. Your order is kept for you: pay when you are ready.",
        ),
        settled => message(settled),
    };
    Ok(message.redirect(&app, &format!("/orders/{number}")))
}
