use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::StatusCode;
use kernel::{DeliveryId, EndpointId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use webhooks::{Delivery, Outcome, Webhooks};

use crate::http::api::{ApiUser, PageBody, PageQuery, Problems};
use crate::http::error::Result;
use crate::http::extract::{Json, Path, Query};
use crate::http::idempotency::Once;

/// A message for an endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryBody {
    /// Its id.
    id: Uuid,
    /// The header `webhook-id` of its attempts.
    #[schema(example = "msg_0190000000007000800000000000000a")]
    message: String,
    /// What it tells of.
    #[schema(example = "order.paid")]
    event: &'static str,
    /// `pending`, `delivered` or `failed`.
    #[schema(example = "delivered")]
    status: &'static str,
    /// How many attempts were made.
    attempts: i16,
    /// What came of the last attempt: `answered`, `timed_out`, `unreachable`, `broke_off`, `address_refused` or
    /// `endpoint_disabled`.
    outcome: Option<&'static str>,
    /// The status that the endpoint answered with.
    response_status: Option<u16>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When the last attempt was made.
    attempted_at: Option<DateTime<Utc>>,
    /// When the next one is due.
    next_attempt_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryBody {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.as_uuid(),
            message: delivery.message(),
            event: delivery.event.as_str(),
            status: delivery.status.as_str(),
            attempts: delivery.attempts,
            outcome: delivery.outcome.map(Outcome::as_str),
            response_status: delivery.outcome.and_then(Outcome::response_status),
            created_at: delivery.created_at,
            attempted_at: delivery.attempted_at,
            next_attempt_at: delivery.next_attempt_at,
        }
    }
}

/// Lists what was sent to one of your endpoints
///
/// Newest first, of the last 30 days.
#[utoipa::path(
    get,
    path = "/webhook-endpoints/{id}/deliveries",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id"), PageQuery),
    responses((status = 200, body = PageBody<DeliveryBody>), Problems),
)]
pub(super) async fn list(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    Path(id): Path<EndpointId>,
    Query(query): Query<PageQuery>,
) -> Result {
    let deliveries = webhooks
        .list_deliveries(user.id(), id, &query.request()?)
        .await?;
    Ok(Json(PageBody::<DeliveryBody>::from(deliveries)).into_response())
}

/// Sends a test to one of your endpoints
///
/// Once, of the type `webhook.test`, even if the endpoint is switched off.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/test",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The endpoint's id")),
    responses((status = 202, body = DeliveryBody), Problems),
)]
pub(super) async fn test(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    once: Once,
    Path(id): Path<EndpointId>,
) -> Result {
    let mut tx = once.begin().await?;
    let delivery = webhooks.send_test_in_tx(&mut tx, user.id(), id).await?;
    let answer = (StatusCode::ACCEPTED, Json(DeliveryBody::from(delivery)));
    once.commit(tx, answer).await
}

/// Sends a message once more
///
/// Delivered or failed, once, under the same `webhook-id`.
#[utoipa::path(
    post,
    path = "/webhook-endpoints/{id}/deliveries/{delivery_id}/redeliver",
    tag = "webhooks",
    security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The endpoint's id"),
        ("delivery_id" = Uuid, Path, description = "The delivery's id"),
    ),
    responses((status = 202, body = DeliveryBody), Problems),
)]
pub(super) async fn redeliver(
    State(webhooks): State<Webhooks>,
    user: ApiUser,
    once: Once,
    Path((id, delivery_id)): Path<(EndpointId, DeliveryId)>,
) -> Result {
    let mut tx = once.begin().await?;
    let delivery = webhooks
        .redeliver_in_tx(&mut tx, user.id(), id, delivery_id)
        .await?;
    let answer = (StatusCode::ACCEPTED, Json(DeliveryBody::from(delivery)));
    once.commit(tx, answer).await
}
