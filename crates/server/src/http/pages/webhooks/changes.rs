//! What the buttons of an endpoint's page do. Each leads back to the page, which says what came of it.

use axum::extract::State;
use kernel::{DeliveryId, EndpointId};
use webhooks::Webhooks;

use super::page_of;
use crate::app::App;
use crate::http::error::{AppError, Result};
use crate::http::extract::Path;
use crate::http::session::{CurrentUser, Flash};

/// Switches an endpoint off.
pub(super) async fn pause(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result {
    webhooks.pause(user.id(), id).await?;
    Ok(Flash::success("The endpoint is switched off.").redirect(&app, &page_of(id)))
}

/// Switches an endpoint on.
pub(super) async fn enable(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result {
    webhooks.enable(user.id(), id).await?;
    Ok(Flash::success("The endpoint is switched on.").redirect(&app, &page_of(id)))
}

/// Changes an endpoint's secret.
pub(super) async fn rotate(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let done = webhooks.rotate_secret(user.id(), id).await;
    let message = "The secret is another now. For 24 hours, the one before signs along.";
    say(&app, id, done.map(|_| message).map_err(AppError::from))
}

/// Removes an endpoint.
pub(super) async fn remove(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result {
    webhooks.remove(user.id(), id).await?;
    Ok(Flash::success("The endpoint is removed.").redirect(&app, "/account/webhooks"))
}

/// Sends a test.
pub(super) async fn test(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let sent = webhooks.send_test(user.id(), id).await;
    let message = "A test is on its way. Load this page again to see what came of it.";
    say(&app, id, sent.map(|_| message).map_err(AppError::from))
}

/// Sends a message once more.
pub(super) async fn redeliver(
    State(app): State<App>,
    State(webhooks): State<Webhooks>,
    user: CurrentUser,
    Path((id, delivery_id)): Path<(EndpointId, DeliveryId)>,
) -> Result {
    let sent = webhooks.redeliver(user.id(), id, delivery_id).await;
    let message = "The message is on its way again. Load this page again to see what came of it.";
    say(&app, id, sent.map(|_| message).map_err(AppError::from))
}

/// Goes back to the endpoint's page with a message: that it worked, or why it could not be done now.
fn say(app: &App, id: EndpointId, outcome: Result<&'static str>) -> Result {
    let message = match outcome {
        Ok(message) => Flash::success(message),
        Err(AppError::Conflict { detail, .. }) => Flash::error(detail),
        Err(error) => return Err(error),
    };
    Ok(message.redirect(app, &page_of(id)))
}
