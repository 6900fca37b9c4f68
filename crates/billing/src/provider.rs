//! The payment provider: a small client for the part of Stripe's REST API that hosted checkout needs
//! (<https://docs.stripe.com/api>). Another service that speaks it works by changing address and key.
//!
//! A call for a person who waits is made again when that may help ([`Provider::for_a_person`]); every call is idempotent,
//! by its method or by a key. A call from a job is made once: the job is repeated.

mod error;
#[cfg(test)]
mod fuzz;
mod lists;
mod standing;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode, request};
use kernel::{Money, PaymentId, RefundId};
use platform::outbound::{Dependency, Outbound, Policy};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

pub(crate) use error::ProviderError;
pub(crate) use lists::{Charge, Window};
pub(crate) use standing::{Standing, State};
pub(crate) use wire::{RefundReply, RefundState};

use crate::payment::Session;

/// The version that the types in `wire` were written for. Without it, an account's default version decides.
const API_VERSION: &str = "2024-06-20";

/// The longest that a person at the checkout, or a job, waits for the provider.
const DEADLINE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Provider {
    dependency: Dependency,
    base: Url,
    authorization: HeaderValue,
    persistent: bool,
}

/// A checkout session to open. The same attempt must always be sent with the same fields: they share a key.
pub(crate) struct OpenSession<'a> {
    pub(crate) payment_id: PaymentId,
    pub(crate) attempt: i32,
    pub(crate) order_number: &'a str,
    pub(crate) amount: Money,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) success_url: &'a Url,
    pub(crate) cancel_url: &'a Url,
}

/// A refund to ask for.
pub(crate) struct SendRefund<'a> {
    pub(crate) refund_id: RefundId,
    pub(crate) intent_id: &'a str,
    pub(crate) amount: Money,
}

impl Provider {
    pub(crate) fn new(outbound: &Outbound, base: Url, key: &SecretString) -> anyhow::Result<Self> {
        let policy = Policy {
            deadline: DEADLINE,
            ..Policy::for_partner(&base)
        };
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()))
            .context("the payment provider's key holds characters that no header can carry")?;
        authorization.set_sensitive(true);
        Ok(Self {
            dependency: outbound.dependency("payments", policy)?,
            base,
            authorization,
            persistent: false,
        })
    }

    /// The same, more patient: what fails in passing is tried again within the deadline.
    pub(crate) fn for_a_person(&self) -> Self {
        Self {
            persistent: true,
            ..self.clone()
        }
    }

    /// Opens a page on which the customer can pay.
    pub(crate) async fn open_session(
        &self,
        open: OpenSession<'_>,
    ) -> Result<Session, ProviderError> {
        let payment_id = open.payment_id.to_string();
        let key = format!("{payment_id}-{}", open.attempt);
        let currency = open.amount.currency().code().to_ascii_lowercase();
        let title = format!("Order {}", open.order_number);
        let fields = [
            ("mode", "payment".to_owned()),
            ("client_reference_id", open.order_number.to_owned()),
            ("line_items[0][quantity]", "1".to_owned()),
            ("line_items[0][price_data][currency]", currency),
            (
                "line_items[0][price_data][unit_amount]",
                open.amount.minor().to_string(),
            ),
            ("line_items[0][price_data][product_data][name]", title),
            ("metadata[payment_id]", payment_id.clone()),
            ("payment_intent_data[metadata][payment_id]", payment_id),
            ("success_url", open.success_url.to_string()),
            ("cancel_url", open.cancel_url.to_string()),
            ("expires_at", open.expires_at.timestamp().to_string()),
        ];
        let reply: wire::SessionReply = self.post(&["checkout", "sessions"], &key, &fields).await?;
        reply.into_open_session()
    }

    /// Closes a session, so that it can no longer be paid. Refused if it is over already.
    pub(crate) async fn expire_session(&self, id: &str) -> Result<(), ProviderError> {
        let path = ["checkout", "sessions", id, "expire"];
        let _: wire::SessionReply = self.post(&path, &format!("expire-{id}"), &[]).await?;
        Ok(())
    }

    /// What has become of a session.
    pub(crate) async fn session_standing(&self, id: &str) -> Result<Standing, ProviderError> {
        let session: wire::SessionReply = self.get(&["checkout", "sessions", id]).await?;
        match session.unsettled_intent() {
            // The customer is done, the money is not here: only the intent tells whether it is still on its way.
            Some(intent_id) => {
                let intent: wire::IntentReply = self.get(&["payment_intents", intent_id]).await?;
                Ok(Standing::of_session_and_intent(session, intent))
            }
            None => Standing::of_session(session),
        }
    }

    /// What has become of a payment intent.
    pub(crate) async fn intent_standing(&self, id: &str) -> Result<Standing, ProviderError> {
        let intent: wire::IntentReply = self.get(&["payment_intents", id]).await?;
        Ok(Standing::of_intent(intent))
    }

    /// Asks for money to be given back.
    pub(crate) async fn send_refund(
        &self,
        refund: SendRefund<'_>,
    ) -> Result<RefundReply, ProviderError> {
        let id = refund.refund_id.to_string();
        let fields = [
            ("payment_intent", refund.intent_id.to_owned()),
            ("amount", refund.amount.minor().to_string()),
            ("metadata[refund_id]", id.clone()),
        ];
        self.post(&["refunds"], &id, &fields).await
    }

    /// What has become of a refund.
    pub(crate) async fn refund(&self, id: &str) -> Result<RefundReply, ProviderError> {
        self.get(&["refunds", id]).await
    }

    async fn get<R: DeserializeOwned>(&self, path: &[&str]) -> Result<R, ProviderError> {
        self.get_url(&self.url(path)?).await
    }

    async fn get_url<R: DeserializeOwned>(&self, url: &Url) -> Result<R, ProviderError> {
        let request = self.request(Method::GET, url);
        self.call(request, Bytes::new()).await
    }

    async fn post<R: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &str,
        fields: &[(&str, String)],
    ) -> Result<R, ProviderError> {
        let form = serde_urlencoded::to_string(fields).expect("pairs of text are a form");
        let request = self
            .request(Method::POST, &self.url(path)?)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("idempotency-key", key);
        self.call(request, Bytes::from(form)).await
    }

    /// `path` may hold ids from outside: each segment is escaped, so none can lead to another endpoint. Those that an address
    /// cannot carry, escaped or not (WHATWG URL, "dot segments"), are refused, because nothing has such an id.
    fn url(&self, path: &[&str]) -> Result<Url, ProviderError> {
        if path
            .iter()
            .any(|segment| matches!(*segment, "" | "." | ".."))
        {
            return Err(ProviderError::Refused {
                status: StatusCode::NOT_FOUND,
                code: "resource_missing".to_owned(),
                message: "not asked: this is no id".to_owned(),
            });
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("an http address has a path")
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(url)
    }

    fn request(&self, method: Method, url: &Url) -> request::Builder {
        http::Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, self.authorization.clone())
            .header("stripe-version", API_VERSION)
    }

    async fn call<R: DeserializeOwned>(
        &self,
        request: request::Builder,
        body: Bytes,
    ) -> Result<R, ProviderError> {
        let request = request
            .body(body)
            .map_err(|error| ProviderError::Unreadable(error.into()))?;
        let reply = if self.persistent {
            self.dependency.send_persistently(request).await?
        } else {
            self.dependency.send(request).await?
        };
        if reply.status == StatusCode::OK {
            read(&reply.body)
        } else {
            Err(ProviderError::from_reply(reply.status, &reply.body))
        }
    }
}

fn read<R: DeserializeOwned>(body: &[u8]) -> Result<R, ProviderError> {
    serde_json::from_slice(body).map_err(|error| ProviderError::Unreadable(error.into()))
}
