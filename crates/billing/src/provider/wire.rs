//! The provider's JSON. Fields that are not listed are ignored, and unknown words are kept apart, because the provider
//! adds both without raising the version.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow};
use kernel::{PaymentId, RefundId};
use serde::Deserialize;

use super::ProviderError;
use crate::payment::Session;

/// What we wrote on an object when we made it.
type Metadata = Option<BTreeMap<String, String>>;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SessionReply {
    pub(super) id: String,
    url: Option<String>,
    pub(super) status: Option<SessionStatus>,
    pub(super) payment_status: SessionPayment,
    pub(super) amount_total: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) payment_intent: Option<String>,
    metadata: Metadata,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionStatus {
    Open,
    Complete,
    Expired,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionPayment {
    Paid,
    Unpaid,
    #[serde(other)]
    Unknown,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct IntentReply {
    pub(super) id: String,
    pub(super) status: IntentStatus,
    pub(super) amount_received: i64,
    pub(super) currency: String,
    metadata: Metadata,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IntentStatus {
    Succeeded,
    RequiresPaymentMethod,
    Canceled,
    /// On its way, or a state that hosted checkout does not end in.
    #[serde(other)]
    Other,
}

/// A refund at the provider.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RefundReply {
    pub(crate) id: String,
    pub(crate) status: RefundState,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payment_intent: Option<String>,
    pub(crate) failure_reason: Option<String>,
    metadata: Metadata,
}

/// A page of a list, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct ListReply<T> {
    pub(super) data: Vec<T>,
    pub(super) has_more: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundState {
    Succeeded,
    Failed,
    Canceled,
    /// On its way.
    #[serde(other)]
    Pending,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorReply {
    #[serde(default)]
    pub(super) error: ErrorObject,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorObject {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl SessionReply {
    pub(super) fn into_open_session(self) -> Result<Session, ProviderError> {
        let url = self
            .url
            .context("a new checkout session has no address")
            .map_err(ProviderError::Unreadable)?;
        // The customer is sent there, so it has to be an address of the web and nothing else.
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(ProviderError::Unreadable(anyhow!(
                "a checkout session's address is {url}"
            )));
        }
        Ok(Session { id: self.id, url })
    }

    /// The intent of a session that the customer has completed without having paid yet, as a bank debit does.
    pub(super) fn unsettled_intent(&self) -> Option<&str> {
        let waiting = self.status == Some(SessionStatus::Complete)
            && self.payment_status != SessionPayment::Paid;
        self.payment_intent.as_deref().filter(|_| waiting)
    }

    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        noted(&self.metadata, "payment_id")
    }
}

impl IntentReply {
    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        noted(&self.metadata, "payment_id")
    }
}

impl RefundReply {
    /// Which of our refunds it is; `None` if it was made elsewhere.
    pub(crate) fn refund_id(&self) -> Option<RefundId> {
        noted(&self.metadata, "refund_id")
    }
}

fn noted<Id: std::str::FromStr>(metadata: &Metadata, key: &str) -> Option<Id> {
    metadata.as_ref()?.get(key)?.parse().ok()
}
