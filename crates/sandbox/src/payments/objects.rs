//! The provider's objects, with the fields that a client of hosted checkout reads.
//! Names, prefixes of ids and states are the provider's; amounts are in minor units.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc, serde::ts_seconds};
use serde::Serialize;

/// The caller's own notes on an object.
pub(crate) type Metadata = BTreeMap<String, String>;

/// One visit to the hosted payment page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CheckoutSession {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) amount_subtotal: i64,
    pub(crate) amount_total: i64,
    pub(crate) cancel_url: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    #[serde(with = "ts_seconds")]
    pub(crate) created: DateTime<Utc>,
    pub(crate) currency: String,
    pub(crate) customer_email: Option<String>,
    #[serde(with = "ts_seconds")]
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) mode: &'static str,
    /// Absent until the customer first tries to pay.
    pub(crate) payment_intent: Option<String>,
    pub(crate) payment_method_types: [&'static str; 1],
    pub(crate) payment_status: PaymentStatus,
    pub(crate) status: SessionStatus,
    pub(crate) success_url: String,
    /// Where the customer pays; absent once the session is over.
    pub(crate) url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionStatus {
    Open,
    Complete,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentStatus {
    Unpaid,
    Paid,
}

/// One payment, with all its attempts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) amount: i64,
    pub(crate) amount_received: i64,
    #[serde(with = "ts_seconds")]
    pub(crate) created: DateTime<Utc>,
    pub(crate) currency: String,
    pub(crate) last_payment_error: Option<PaymentFailure>,
    pub(crate) latest_charge: Option<String>,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) payment_method_types: [&'static str; 1],
    pub(crate) status: IntentStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    Succeeded,
}

/// Why the last attempt to pay failed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PaymentFailure {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    pub(crate) message: &'static str,
}

/// Money that has moved.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) amount: i64,
    pub(crate) amount_captured: i64,
    pub(crate) amount_refunded: i64,
    #[serde(with = "ts_seconds")]
    pub(crate) created: DateTime<Utc>,
    pub(crate) currency: String,
    pub(crate) livemode: bool,
    pub(crate) metadata: Metadata,
    pub(crate) paid: bool,
    pub(crate) payment_intent: String,
    /// True only once everything has been given back.
    pub(crate) refunded: bool,
    pub(crate) status: &'static str,
}

/// Money given back, wholly or in part.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) amount: i64,
    pub(crate) charge: String,
    #[serde(with = "ts_seconds")]
    pub(crate) created: DateTime<Utc>,
    pub(crate) currency: String,
    pub(crate) metadata: Metadata,
    pub(crate) payment_intent: String,
    pub(crate) reason: Option<String>,
    pub(crate) status: &'static str,
}

/// A page of a list, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    pub(crate) object: &'static str,
    pub(crate) data: Vec<T>,
    pub(crate) has_more: bool,
    pub(crate) url: &'static str,
}
