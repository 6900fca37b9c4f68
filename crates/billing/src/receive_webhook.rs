use anyhow::Context as _;
use serde::Deserialize;
use tracing::instrument;

use crate::jobs::ProcessWebhook;
use crate::signature::{self, InvalidSignature};
use crate::{Billing, db};

/// The longest body that is read. The provider's events are a few kilobytes.
const MAX_BODY: usize = 64 * 1024;

/// Why a webhook is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveWebhookError {
    /// Not signed with our secret, or too long ago. Nothing was stored.
    #[error("the webhook's signature is not valid: {0}")]
    InvalidSignature(&'static str),
    /// Longer than 64 KiB.
    #[error("the webhook is too long")]
    TooLong,
    /// Signed, and not an event.
    #[error("the webhook is not an event")]
    Malformed,
    /// Something else went wrong. The provider will send it again.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl From<InvalidSignature> for ReceiveWebhookError {
    fn from(error: InvalidSignature) -> Self {
        Self::InvalidSignature(match error {
            InvalidSignature::Malformed => "malformed",
            InvalidSignature::Mismatch => "mismatch",
            InvalidSignature::Stale => "stale",
        })
    }
}

/// The part of an event that matters: which object to look at again.
#[derive(Deserialize)]
struct Event {
    id: ProviderId,
    #[serde(rename = "type")]
    kind: Kind,
    data: EventData,
}

impl Event {
    fn read(body: &[u8]) -> Result<Self, ReceiveWebhookError> {
        serde_json::from_slice(body).map_err(|_| ReceiveWebhookError::Malformed)
    }
}

#[derive(Deserialize)]
struct EventData {
    object: EventObject,
}

#[derive(Deserialize)]
struct EventObject {
    /// A few kinds of object have no id; none that matters here is among them.
    id: Option<ProviderId>,
}

/// An id of the provider's. A signature says who wrote it, not that it can be stored or put into an address.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ProviderId(String);

/// What has happened: `checkout.session.completed`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Kind(String);

impl TryFrom<String> for ProviderId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_word(&text, b"_-") {
            Ok(Self(text))
        } else {
            Err("not an id of the provider's")
        }
    }
}

impl TryFrom<String> for Kind {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_word(&text, b"_.") {
            Ok(Self(text))
        } else {
            Err("not a kind of event")
        }
    }
}

/// Whether `text` is 1 to 255 letters, digits and bytes of `others`. The provider promises no more than 255 of its ids
/// (<https://docs.stripe.com/upgrades>).
fn is_word(text: &str, others: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    (1..=255).contains(&text.len()) && text.bytes().all(fits)
}

impl Billing {
    /// Files a webhook and the job that looks into it, in one transaction. An event that is here already changes nothing:
    /// the provider repeats what it believes to be lost.
    ///
    /// # Errors
    /// See [`ReceiveWebhookError`].
    #[instrument(name = "billing.receive_webhook", skip_all)]
    pub async fn receive_webhook(
        &self,
        body: &[u8],
        signature: &str,
    ) -> Result<(), ReceiveWebhookError> {
        if body.len() > MAX_BODY {
            return Err(ReceiveWebhookError::TooLong);
        }
        signature::verify(signature, body, &self.webhook_secrets, self.clock.now())?;
        let text = std::str::from_utf8(body).map_err(|_| ReceiveWebhookError::Malformed)?;
        let event = Event::read(body)?;
        let job = ProcessWebhook {
            event_id: event.id.0,
            kind: event.kind.0,
            object_id: event.data.object.id.map(|id| id.0).unwrap_or_default(),
        };

        let mut tx = self.db.begin().await?;
        let (id, kind) = (&job.event_id, &job.kind);
        let new = db::webhook_events::insert(&mut tx, id, kind, text, self.clock.now())
            .await
            .context("insert webhook event")?;
        if new {
            self.jobs.enqueue(&mut tx, &job).await?;
        }
        tx.commit().await.context("commit webhook event")?;
        Ok(())
    }
}

#[cfg(test)]
mod fuzz {
    use url::Url;

    use super::*;

    #[test]
    fn an_event_that_is_read_can_be_stored_and_put_into_an_address() {
        fuzzing::bytes("webhook_event", |body| {
            let Ok(event) = Event::read(body) else {
                return;
            };
            let ids: [Option<ProviderId>; 2] = [Some(event.id), event.data.object.id];
            for id in ids.into_iter().flatten() {
                let mut url = Url::parse("https://api.example/v1/").unwrap();
                url.path_segments_mut().unwrap().pop_if_empty().push(&id.0);
                assert_eq!(url.as_str(), format!("https://api.example/v1/{}", id.0));
            }
            let Kind(kind) = event.kind;
            assert!((1..=255).contains(&kind.len()) && kind.is_ascii());
        });
    }
}
