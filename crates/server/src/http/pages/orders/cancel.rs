use axum::extract::State;
use orders::{CancelError, OrderNumber, Orders};

use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::session::{CurrentUser, Flash};

/// Gives up an order that is not paid.
pub(super) async fn cancel(
    State(app): State<App>,
    State(orders): State<Orders>,
    user: CurrentUser,
    Path(number): Path<OrderNumber>,
) -> Result {
    let message = match orders.cancel(user.id(), number).await {
        Ok(_) => Flash::success("The order is cancelled."),
        Err(refused @ CancelError::TooLate(_)) => {
            Flash::error(AppError::from(refused).describe().detail)
        }
        Err(error) => return Err(error.into()),
    };
    Ok(message.redirect(&app, &format!("/orders/{number}")))
}
