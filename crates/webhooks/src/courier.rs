use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, header};
use platform::outbound::{
    Dependency, Hosts, Outbound, OutboundError, Policy, Refusal, Request, Response,
};

use crate::delivery::{Delivery, Outcome};
use crate::endpoint::Endpoint;
use crate::secret::Secret;

/// Takes messages to endpoints.
///
/// Each has 5 s, for which the specification recommends 15 to 30: a place of the queue is held that long by whoever hangs.
#[derive(Clone, Debug)]
pub(crate) struct Courier(Dependency);

/// What came of an attempt, and what the endpoint asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    pub(crate) retry_after: Option<TimeDelta>,
}

/// No attempt was made, for reasons of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotNow;

impl Courier {
    pub(crate) fn new(outbound: &Outbound, private: bool) -> anyhow::Result<Self> {
        let mut policy = Policy::for_strangers();
        if private {
            policy.hosts = Hosts::Anybody;
        }
        outbound.dependency("webhooks", policy).map(Self)
    }

    /// Makes one attempt, signed with each of `secrets`.
    pub(crate) async fn send(
        &self,
        endpoint: &Endpoint,
        delivery: &Delivery,
        secrets: &[Secret],
        now: DateTime<Utc>,
    ) -> Result<Attempt, NotNow> {
        let Ok(request) = request(endpoint, delivery, secrets, now) else {
            return Ok(Attempt::without_answer(Outcome::BrokeOff));
        };
        match self.0.send(request).await {
            Ok(response) => Ok(Attempt::answered(&response)),
            Err(OutboundError::HostNotAllowed | OutboundError::AddressNotPublic) => {
                Ok(Attempt::without_answer(Outcome::AddressRefused))
            }
            Err(OutboundError::Refused(Refusal::Deadline)) => {
                Ok(Attempt::without_answer(Outcome::TimedOut))
            }
            Err(OutboundError::Refused(Refusal::BulkheadFull | Refusal::BreakerOpen)) => {
                Err(NotNow)
            }
            Err(OutboundError::Connect(_)) => Ok(Attempt::without_answer(Outcome::Unreachable)),
            Err(OutboundError::BodyTooLong | OutboundError::BrokeOff(_)) => {
                Ok(Attempt::without_answer(Outcome::BrokeOff))
            }
        }
    }
}

impl Attempt {
    fn answered(response: &Response) -> Self {
        Self {
            outcome: Outcome::Answered(response.status.as_u16()),
            retry_after: retry_after(&response.headers),
        }
    }

    fn without_answer(outcome: Outcome) -> Self {
        Self {
            outcome,
            retry_after: None,
        }
    }
}

/// The headers are those of the specification: `webhook-signature` lists one signature for each secret that is in use.
fn request(
    endpoint: &Endpoint,
    delivery: &Delivery,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> http::Result<Request> {
    let message = delivery.message();
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(&message, now, &delivery.payload))
        .collect();
    http::Request::post(endpoint.url.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", message)
        .header("webhook-timestamp", now.timestamp())
        .header("webhook-signature", signatures.join(" "))
        .body(delivery.payload.clone().into())
}

/// In seconds; the form with a date is for caches (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<TimeDelta> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    TimeDelta::try_seconds(seconds.trim().parse().ok()?)
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_an_endpoint_asks_for_is_a_time_or_nothing() {
        fuzzing::bytes("retry_after", |bytes| {
            let Ok(value) = http::HeaderValue::from_bytes(bytes) else {
                return;
            };
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value)]);
            if let Some(pause) = retry_after(&headers) {
                let text = String::from_utf8_lossy(bytes);
                assert_eq!(pause.num_seconds(), text.trim().parse::<i64>().unwrap());
            }
        });
    }
}
