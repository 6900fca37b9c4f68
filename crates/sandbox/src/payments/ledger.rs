//! What the provider knows: sessions, payments, charges and refunds, and how each may change.
//! Every change returns the [`Fact`]s that the shop is to be told; telling is left to the caller.

mod refund;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub(crate) use self::refund::NewRefund;
use super::{
    error::ApiError,
    objects::{
        Charge, CheckoutSession, IntentStatus, Metadata, PaymentFailure, PaymentIntent,
        PaymentStatus, Refund, SessionStatus,
    },
};
use crate::{
    recent::Recent,
    world::{self, Clock},
};

/// Something that happened, in the form that a webhook carries.
pub(crate) struct Fact {
    pub(crate) kind: &'static str,
    pub(crate) object: Value,
}

/// A session with what only the payment page needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    pub(crate) session: CheckoutSession,
    pub(crate) lines: Vec<Line>,
    pub(crate) progress: Progress,
    intent_metadata: Metadata,
}

/// What the customer waits for, besides the session's own status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Nothing,
    /// The slow payment is under way.
    Processing,
    /// Paid, and the shop will never be told.
    Unannounced,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) unit_amount: i64,
    pub(crate) quantity: i64,
}

/// A session to be opened; already checked.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    pub(crate) client_reference_id: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) currency: String,
    pub(crate) amount_total: i64,
    pub(crate) lines: Vec<Line>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) metadata: Metadata,
    pub(crate) intent_metadata: Metadata,
}

pub(crate) struct Ledger {
    clock: Clock,
    checkouts: Recent<Checkout>,
    intents: Recent<PaymentIntent>,
    charges: Recent<Charge>,
    refunds: Recent<Refund>,
}

impl Ledger {
    /// At most `kept` of each kind are remembered.
    pub(crate) fn new(clock: Clock, kept: usize) -> Self {
        Self {
            clock,
            checkouts: Recent::new(kept),
            intents: Recent::new(kept),
            charges: Recent::new(kept),
            refunds: Recent::new(kept),
        }
    }

    pub(crate) fn open(&mut self, new: NewSession, public_url: &str) -> CheckoutSession {
        let id = world::id("cs_test");
        let session = CheckoutSession {
            url: Some(format!("{public_url}/pay/{id}")),
            id,
            object: "checkout.session",
            amount_subtotal: new.amount_total,
            amount_total: new.amount_total,
            cancel_url: new.cancel_url,
            client_reference_id: new.client_reference_id,
            created: self.clock.now(),
            currency: new.currency,
            customer_email: new.customer_email,
            expires_at: new.expires_at,
            livemode: false,
            metadata: new.metadata,
            mode: "payment",
            payment_intent: None,
            payment_method_types: ["card"],
            payment_status: PaymentStatus::Unpaid,
            status: SessionStatus::Open,
            success_url: new.success_url,
        };
        self.checkouts.push(Checkout {
            session: session.clone(),
            lines: new.lines,
            progress: Progress::Nothing,
            intent_metadata: new.intent_metadata,
        });
        session
    }

    /// Charges the customer. `None` if there is nothing to pay any more.
    pub(crate) fn pay(&mut self, session_id: &str) -> Option<[Fact; 2]> {
        let now = self.clock.now();
        let checkout = open_checkout(&mut self.checkouts, session_id)?;
        let intent = intent_of(&mut self.intents, checkout, now)?;
        let charge = Charge {
            id: world::id("ch"),
            object: "charge",
            amount: intent.amount,
            amount_captured: intent.amount,
            amount_refunded: 0,
            created: now,
            currency: intent.currency.clone(),
            livemode: false,
            metadata: intent.metadata.clone(),
            paid: true,
            payment_intent: intent.id.clone(),
            refunded: false,
            status: "succeeded",
        };
        intent.status = IntentStatus::Succeeded;
        intent.amount_received = intent.amount;
        intent.last_payment_error = None;
        intent.latest_charge = Some(charge.id.clone());
        self.charges.push(charge);

        checkout.progress = Progress::Nothing;
        checkout.session.status = SessionStatus::Complete;
        checkout.session.payment_status = PaymentStatus::Paid;
        checkout.session.url = None;
        Some([
            Fact {
                kind: "checkout.session.completed",
                object: json!(checkout.session),
            },
            Fact {
                kind: "payment_intent.succeeded",
                object: json!(intent),
            },
        ])
    }

    /// The customer's bank says no; the session stays open for another attempt.
    pub(crate) fn decline(&mut self, session_id: &str) -> Option<Fact> {
        let now = self.clock.now();
        let checkout = open_checkout(&mut self.checkouts, session_id)?;
        let intent = intent_of(&mut self.intents, checkout, now)?;
        intent.last_payment_error = Some(PaymentFailure {
            kind: "card_error",
            code: "card_declined",
            decline_code: "generic_decline",
            message: "Your card was declined.",
        });
        Some(Fact {
            kind: "payment_intent.payment_failed",
            object: json!(intent),
        })
    }

    /// Charges the customer in a way that the payment page does not pass on.
    pub(crate) fn pay_unannounced(&mut self, session_id: &str) -> Option<[Fact; 2]> {
        let facts = self.pay(session_id)?;
        let checkouts = &mut self.checkouts;
        checkouts
            .find_mut(|checkout| checkout.session.id == session_id)?
            .progress = Progress::Unannounced;
        Some(facts)
    }

    /// Notes that a slow payment has begun. False if one has, or if there is nothing to pay.
    pub(crate) fn begin_processing(&mut self, session_id: &str) -> bool {
        match open_checkout(&mut self.checkouts, session_id) {
            Some(checkout) if checkout.progress == Progress::Nothing => {
                checkout.progress = Progress::Processing;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn expire(&mut self, session_id: &str) -> Result<(CheckoutSession, Fact), ApiError> {
        let checkout = self
            .checkouts
            .find_mut(|checkout| checkout.session.id == session_id)
            .ok_or_else(|| ApiError::no_such("checkout.session", session_id, "session"))?;
        if checkout.session.status != SessionStatus::Open {
            return Err(ApiError::refused(
                "Only Checkout Sessions with a status in [\"open\"] can be expired.",
            ));
        }
        let fact = expire(&mut checkout.session);
        Ok((checkout.session.clone(), fact))
    }

    /// Ends every open session whose time is up.
    pub(crate) fn expire_overdue(&mut self) -> Vec<Fact> {
        let now = self.clock.now();
        let overdue = self.checkouts.iter_mut().filter(|checkout| {
            checkout.session.status == SessionStatus::Open && checkout.session.expires_at <= now
        });
        overdue
            .map(|checkout| expire(&mut checkout.session))
            .collect()
    }

    pub(crate) fn checkout(&self, session_id: &str) -> Option<&Checkout> {
        self.checkouts
            .find(|checkout| checkout.session.id == session_id)
    }

    pub(crate) fn intent(&self, id: &str) -> Option<&PaymentIntent> {
        self.intents.find(|intent| intent.id == id)
    }

    pub(crate) fn refunded(&self, id: &str) -> Option<&Refund> {
        self.refunds.find(|refund| refund.id == id)
    }

    pub(crate) fn checkouts(&self) -> impl Iterator<Item = &Checkout> {
        self.checkouts.iter()
    }

    pub(crate) fn intents(&self) -> impl Iterator<Item = &PaymentIntent> {
        self.intents.iter()
    }

    pub(crate) fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.charges.iter()
    }

    pub(crate) fn refunds(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.iter()
    }
}

fn open_checkout<'a>(
    checkouts: &'a mut Recent<Checkout>,
    session_id: &str,
) -> Option<&'a mut Checkout> {
    checkouts.find_mut(|checkout| {
        checkout.session.id == session_id && checkout.session.status == SessionStatus::Open
    })
}

/// The session's payment, begun at the first attempt.
fn intent_of<'a>(
    intents: &'a mut Recent<PaymentIntent>,
    checkout: &mut Checkout,
    now: DateTime<Utc>,
) -> Option<&'a mut PaymentIntent> {
    let session = &mut checkout.session;
    let id = session
        .payment_intent
        .get_or_insert_with(|| {
            let id = world::id("pi");
            intents.push(PaymentIntent {
                id: id.clone(),
                object: "payment_intent",
                amount: session.amount_total,
                amount_received: 0,
                created: now,
                currency: session.currency.clone(),
                last_payment_error: None,
                latest_charge: None,
                livemode: false,
                metadata: checkout.intent_metadata.clone(),
                payment_method_types: ["card"],
                status: IntentStatus::RequiresPaymentMethod,
            });
            id
        })
        .clone();
    intents.find_mut(|intent| intent.id == id)
}

fn expire(session: &mut CheckoutSession) -> Fact {
    session.status = SessionStatus::Expired;
    session.url = None;
    Fact {
        kind: "checkout.session.expired",
        object: json!(session),
    }
}
