//! The background work of this module: payloads here, each handler in the file of its use case.

use kernel::{DeliveryId, EndpointId, UserId};
use platform::jobs::{Job, Queue};
use serde::{Deserialize, Serialize};

/// Makes one attempt to deliver a message. Each attempt is a job of its own, enqueued with the record of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The message and where it goes.
    pub delivery_id: DeliveryId,
    /// Which attempt this is, from 1. It is made only if the one before was the last.
    pub attempt: i16,
}

impl Job for Deliver {
    const KIND: &'static str = "webhooks.deliver";
    const QUEUE: Queue = Queue::Webhooks;
}

/// Tells somebody that an endpoint of theirs was switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellOwner {
    /// Whom.
    pub user_id: UserId,
    /// The endpoint.
    pub endpoint_id: EndpointId,
}

impl Job for TellOwner {
    const KIND: &'static str = "webhooks.tell_owner";
    const QUEUE: Queue = Queue::Mail;
}

/// Deletes deliveries of which nobody needs to know any more. For a schedule: every hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeDeliveries {}

impl Job for PurgeDeliveries {
    const KIND: &'static str = "webhooks.purge_deliveries";
    const QUEUE: Queue = Queue::Reports;
}
