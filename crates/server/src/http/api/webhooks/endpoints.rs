use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::EndpointId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use webhooks::{Description, Endpoint, EventKind, Register, Subscription, Webhooks};

use crate::http::api::{ApiUser, Problems};
use crate::http::error::{AppError, Result};
use crate::http::extract::{Json, Path};
use crate::http::forms::FieldErrors;
use crate::http::idempotency::Once;

/// Where you want to be told, and of what.
#[derive(Deserialize, ToSchema)]
#[schema(as = RegisterEndpoint)]
pub(super) struct RegisterBody {
    /// Where messages are sent: over https, to a host on the public internet.
    #[schema(max_length = 500, example = "https://example.com/hooks")]
    url: String,
    /// What you call it.
    #[serde(default)]
    #[schema(max_length = 100)]
    description: String,
    /// What you want to be told of: `order.placed`, `order.paid`, `order.shipped`, `order.cancelled`, `order.refunded`,
    /// `invoice.issued`. Absent or empty: everything, also what is added later.
    #[serde(default)]
    #[schema(example = json!(["order.paid"]))]
    events: Vec<String>,
}

impl RegisterBody {
    fn parse(self) -> Result<Register> {
        let mut errors = FieldErrors::new();
        let description = Description::parse(&self.description);
        let message = "Send one line of at most 100 characters.";
        let description = errors.check("description", description, message);
        let kinds = self.events.iter().map(|name| {
            let kind = name.parse().ok();
            kind.filter(|kind| EventKind::ALL.contains(kind)).ok_or(())
        });
        let kinds: Result<Vec<_>, ()> = kinds.collect();
        let kinds = errors.check("events", kinds, "Send names of events that there are.");
        let parsed = description.zip(kinds);
        let (description, kinds) = parsed.ok_or(AppError::Invalid(errors))?;
        Ok(Register {
            url: self.url,
            description,
            events: Subscription::to(kinds),
        })
    }
}

/// An endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(super) struct EndpointBody {
    /// Its id.
    id: Uuid,
    /// Where messages are sent.
    url: String,
    /// What you call it.
    description: String,
    /// What it is told of; empty for everything.
    events: Vec<&'static str>,
    /// `enabled`, `paused` by you, or switched off by us: `failing` after three days without a success, `gone` after the
    /// answer 410.
    #[schema(example = "enabled")]
    status: &'static str,
    /// Since when every attempt has failed.
    failing_since: Option<DateTime<Utc>>,
    /// Until when the secret before the present one signs along.
    previous_secret_until: Option<DateTime<Utc>>,
    /// When it was registered.
    created_at: DateTime<Utc>,
}

impl From<Endpoint> for EndpointBody {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id.as_uuid(),
            url: endpoint.url.to_string(),
            description: endpoint.description.to_string(),
            events: endpoint.events.named().map(EventKind::as_str).collect(),
            status: endpoint.status.as_str(),
            failing_since: endpoint.failing_since,
            previous_secret_until: endpoint.previous_secret_until,
            created_at: endpoint.created_at,
        }
    }
}

/// Lists your endpoints
///
/// At most ten, in the order in which they came.
#[utoipa::path(
    get,
    path = "/webhook-endpoints",
    tag = "webhooks",
    security(("bearer" = [])),
    responses((status = 200, body = Vec<EndpointBody>), Problems),
)]
pub(super) async fn list(State(webhooks): State<Webhooks>, user: ApiUser) -> Result {
    let endpoints = webhooks.list(user.id()).await?;
    let body: Vec<_> = endpoints.into_iter().map(EndpointBody::from).collect();
    Ok(Json(body).into_response())
}

/// Registers an endpoint
///
/// Messages are signed as [Standard Webhooks](https://www.standardwebhooks.com) 1.0.0 says: check the header
/// `webhook-signature` with the endpoint's secret. A message is a JSON object with `id`, `type`, `version` (1), `created_at`
/// and `data`. Any status from 200 to 299 within 5 seconds takes it; otherwise it comes again, up to ten times in three days,
/// under the same `webhook-id`. Messages may come twice and out of order.
#[utoipa::path(
    post,
    path = "/webhook-endpoints",
    tag = "webhooks",
    security(("bearer" = [])),
    request_body = RegisterBody,
    responses((status = 201, body = EndpointBody), Problems),
)]
pub(super) async fn register(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    once: Once,
    Json(body): Json<RegisterBody>,
) -> Result {
    let command = body.parse()?;
    let mut tx = once.begin().await?;
    let endpoint = webhooks.register_in_tx(&mut tx, user.id(), command).await?;
    let answer = (StatusCode::CREATED, Json(EndpointBody::from(endpoint)));
    once.commit(tx, answer).await
}

/// Shows one of your endpoints
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 200, body = EndpointBody), Problems),
)]
pub(super) async fn show(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let endpoint = webhooks.get(user.id(), id).await?;
    Ok(Json(EndpointBody::from(endpoint)).into_response())
}

/// Removes one of your endpoints
///
/// What was sent there is forgotten.
#[utoipa::path(
    delete,
    path = "/webhook-endpoints/{id}",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 204, description = "The endpoint is removed"), Problems),
)]
pub(super) async fn remove(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
) -> Result {
    webhooks.remove(user.id(), id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Switches one of your endpoints off
///
/// What happens meanwhile is not told later.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/disable",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 200, body = EndpointBody), Problems),
)]
pub(super) async fn disable(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let endpoint = webhooks.pause(user.id(), id).await?;
    Ok(Json(EndpointBody::from(endpoint)).into_response())
}

/// Switches one of your endpoints on again
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/enable",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 200, body = EndpointBody), Problems),
)]
pub(super) async fn enable(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
) -> Result {
    let endpoint = webhooks.enable(user.id(), id).await?;
    Ok(Json(EndpointBody::from(endpoint)).into_response())
}
