use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::EndpointId;
use serde::Serialize;
use utoipa::ToSchema;
use webhooks::{Endpoint, Webhooks};

use crate::http::api::{ApiUser, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path};
use crate::http::idempotency::Once;

/// What an endpoint's messages are signed with.
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointSecret)]
pub(super) struct SecretBody {
    /// As libraries for Standard Webhooks take it.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: String,
    /// Until when the one before it signs along.
    previous_secret_until: Option<DateTime<Utc>>,
}

impl SecretBody {
    fn of(webhooks: &Webhooks, endpoint: &Endpoint) -> Self {
        Self {
            secret: webhooks.secret_of(endpoint).reveal(),
            previous_secret_until: endpoint.previous_secret_until,
        }
    }
}

/// Shows an endpoint's secret
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/secret",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 200, body = SecretBody), Problems),
)]
pub(super) async fn show(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let endpoint = webhooks.get(user.id(), id).await?;
    Ok(Json(SecretBody::of(&webhooks, &endpoint)).into_response())
}

/// Gives an endpoint another secret
///
/// For 24 hours, messages are signed with the one before, too; until then it cannot be changed again. The answer is not the
/// secret: ask for it.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/secret/rotate",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 204, description = "The secret is another"), Problems),
)]
pub(super) async fn rotate(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    once: Once,
    Path(id): Path<EndpointId>,
) -> Result {
    let mut tx = once.begin().await?;
    webhooks.rotate_secret_in_tx(&mut tx, user.id(), id).await?;
    once.commit(tx, StatusCode::NO_CONTENT).await
}
