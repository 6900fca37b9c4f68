use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use kernel::{DeliveryId, EndpointId, EventId, UserId};
use platform::db::Tx;
use platform::jobs::Enqueue;
use serde::Serialize;
use serde_json::Value;
use tracing::instrument;
use uuid::Uuid;

use crate::delivery::{Delivery, DeliveryStatus, MOST_ATTEMPTS, message};
use crate::endpoint::Endpoint;
use crate::event_kind::EventKind;
use crate::jobs::Deliver;
use crate::{Webhooks, db};

/// Something that concerns a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The event.
    pub event_id: EventId,
    /// Whom it concerns.
    pub user_id: UserId,
    /// What has happened.
    pub kind: EventKind,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What there is to know about it, for whoever receives it.
    pub data: Value,
}

/// What receivers get. A new field may be added; any other change is a new version.
#[derive(Serialize)]
struct Payload<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    version: u8,
    created_at: String,
    data: &'a Value,
}

/// The version of [`Payload`], and of the data of every kind of event.
const VERSION: u8 = 1;

pub(crate) fn payload(
    message_id: Uuid,
    kind: EventKind,
    created_at: DateTime<Utc>,
    data: &Value,
) -> anyhow::Result<String> {
    let payload = Payload {
        id: &message(message_id),
        kind: kind.as_str(),
        version: VERSION,
        created_at: created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        data,
    };
    serde_json::to_string(&payload).context("write a payload")
}

impl Webhooks {
    /// Has every endpoint of the person told that asks for this kind of event. Telling twice changes nothing more.
    ///
    /// # Errors
    /// If the messages cannot be stored.
    #[instrument(name = "webhooks.notify", skip_all)]
    pub async fn notify_in_tx(&self, tx: &mut Tx, notice: Notice) -> anyhow::Result<()> {
        let endpoints = db::endpoints::list(tx, notice.user_id).await?;
        let wanting: Vec<_> = endpoints
            .iter()
            .filter(|endpoint| endpoint.wants(notice.kind))
            .collect();
        if wanting.is_empty() {
            return Ok(());
        }
        let message_id = notice.event_id.as_uuid();
        let payload = payload(message_id, notice.kind, notice.occurred_at, &notice.data)?;
        for endpoint in wanting {
            let delivery = self.new_delivery(endpoint.id, message_id, notice.kind, payload.clone());
            if db::deliveries::insert(tx, &delivery).await? {
                self.enqueue_attempt(tx, endpoint, &delivery).await?;
            }
        }
        Ok(())
    }

    pub(crate) fn new_delivery(
        &self,
        endpoint_id: EndpointId,
        message_id: Uuid,
        event: EventKind,
        payload: String,
    ) -> Delivery {
        let now = self.clock.now();
        Delivery {
            id: DeliveryId::generate(&self.clock, &self.entropy),
            endpoint_id,
            message_id,
            event,
            payload,
            status: DeliveryStatus::Pending,
            attempts: 0,
            most_attempts: MOST_ATTEMPTS,
            outcome: None,
            created_at: now,
            attempted_at: None,
            next_attempt_at: Some(now),
        }
    }

    /// Leaves the next attempt with the workers, if there is to be one. Endpoints that fail come after those that work, so
    /// that whoever takes five seconds to fail holds up their like alone.
    pub(crate) async fn enqueue_attempt(
        &self,
        tx: &mut Tx,
        endpoint: &Endpoint,
        delivery: &Delivery,
    ) -> anyhow::Result<()> {
        let Some(run_at) = delivery.next_attempt_at else {
            return Ok(());
        };
        let job = Deliver {
            delivery_id: delivery.id,
            attempt: delivery.attempts + 1,
        };
        let how = Enqueue {
            run_at: Some(run_at),
            priority: if endpoint.failures > 0 { -1 } else { 0 },
            ..Enqueue::default()
        };
        self.jobs.enqueue_with(tx, &job, how).await
    }
}
