use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use billing::Billing;
use orders::{OrderNumber, Orders};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::payment::start_checkout;
use crate::http::session::{CurrentUser, Flash};

/// Sends a person to the provider's page, or back to their order with the reason why not.
///
/// The form's key makes a second click wait for the first. The answer is not kept: the provider's page closes after an hour,
/// and until then asking again gives the same one.
pub(super) async fn pay(
    State(app): State<App>,
    State(orders): State<Orders>,
    State(billing): State<Billing>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let checkout = start_checkout(&orders, &billing, app.site(), user.id(), number).await;
    match checkout.map_err(AppError::from) {
        Ok(checkout) => Ok(Redirect::to(&checkout.url).into_response()),
        Err(AppError::Conflict { detail, .. }) => {
            Ok(Flash::error(detail).redirect(&app, &format!("/orders/{number}")))
        }
        Err(AppError::PartnerUnavailable(reason)) => {
            Ok(Flash::error(reason).redirect(&app, &format!("/orders/{number}")))
        }
        Err(error) => Err(error),
    }
}
