//! What the provider knows: sessions, payments, charges and refunds, and how each may change.
//! Every change returns the [`Fact`]s that the shop is to be told; telling is left to the caller.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    error::ApiError,
    objects::{
        Charge, CheckoutSession, IntentStatus, Metadata, PaymentFailure, PaymentIntent,
        PaymentStatus, Refund, SessionStatus,
    },
};
use crate::{recent::Recent, world};

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

/// A refund that is asked for.
#[derive(Debug)]
pub(crate) struct NewRefund {
    pub(crate) payment_intent: String,
    /// Everything that is left, if absent.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Metadata,
}

#[derive(Default)]
pub(crate) struct Ledger {
    checkouts: Recent<Checkout>,
    intents: Recent<PaymentIntent>,
    charges: Recent<Charge>,
    refunds: Recent<Refund>,
}

impl Ledger {
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
            created: world::now(),
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
        let checkout = open_checkout(&mut self.checkouts, session_id)?;
        let intent = intent_of(&mut self.intents, checkout)?;
        let charge = Charge {
            id: world::id("ch"),
            object: "charge",
            amount: intent.amount,
            amount_captured: intent.amount,
            amount_refunded: 0,
            created: world::now(),
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
        let checkout = open_checkout(&mut self.checkouts, session_id)?;
        let intent = intent_of(&mut self.intents, checkout)?;
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
    pub(crate) fn expire_overdue(&mut self, now: DateTime<Utc>) -> Vec<Fact> {
        let overdue = self.checkouts.iter_mut().filter(|checkout| {
            checkout.session.status == SessionStatus::Open && checkout.session.expires_at <= now
        });
        overdue
            .map(|checkout| expire(&mut checkout.session))
            .collect()
    }

    /// Gives money back, never more than is left of the charge.
    pub(crate) fn refund(&mut self, new: NewRefund) -> Result<(Refund, [Fact; 2]), ApiError> {
        let intent = self.intent(&new.payment_intent).ok_or_else(|| {
            ApiError::no_such("payment_intent", &new.payment_intent, "payment_intent")
        })?;
        let Some(charge_id) = intent.latest_charge.clone() else {
            return Err(ApiError::refused(format!(
                "This PaymentIntent ({}) does not have a successful charge to refund.",
                intent.id
            )));
        };
        let charge = self
            .charges
            .find_mut(|charge| charge.id == charge_id)
            .ok_or_else(|| ApiError::no_such("charge", &charge_id, "charge"))?;

        let left = charge.amount - charge.amount_refunded;
        if left == 0 {
            return Err(ApiError::invalid(
                "charge_already_refunded",
                format!("Charge {} has already been refunded.", charge.id),
            ));
        }
        let amount = new.amount.unwrap_or(left);
        if amount > left {
            let message = format!(
                "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            );
            return Err(ApiError::refused(message).about("amount"));
        }
        charge.amount_refunded += amount;
        charge.refunded = charge.amount_refunded == charge.amount;
        let refund = Refund {
            id: world::id("re"),
            object: "refund",
            amount,
            charge: charge.id.clone(),
            created: world::now(),
            currency: charge.currency.clone(),
            metadata: new.metadata,
            payment_intent: charge.payment_intent.clone(),
            reason: new.reason,
            status: "succeeded",
        };
        let facts = [
            Fact {
                kind: "charge.refunded",
                object: json!(charge),
            },
            Fact {
                kind: "refund.updated",
                object: json!(refund),
            },
        ];
        self.refunds.push(refund.clone());
        Ok((refund, facts))
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
                created: world::now(),
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn ledger_with_session(amount_total: i64) -> (Ledger, String) {
        let mut ledger = Ledger::default();
        let new = NewSession {
            success_url: "https://shop.example/thanks".to_owned(),
            cancel_url: None,
            client_reference_id: None,
            customer_email: None,
            currency: "eur".to_owned(),
            amount_total,
            lines: Vec::new(),
            expires_at: world::now() + TimeDelta::hours(1),
            metadata: Metadata::new(),
            intent_metadata: Metadata::new(),
        };
        let session = ledger.open(new, "http://sandbox.example");
        (ledger, session.id)
    }

    fn refund(ledger: &mut Ledger, amount: Option<i64>) -> Result<i64, ApiError> {
        let payment_intent = ledger.intents().next().unwrap().id.clone();
        let refunded = ledger.refund(NewRefund {
            payment_intent,
            amount,
            reason: None,
            metadata: Metadata::new(),
        });
        refunded.map(|(refund, _)| refund.amount)
    }

    #[test]
    fn a_session_is_paid_once() {
        let (mut ledger, id) = ledger_with_session(1000);
        assert!(ledger.pay(&id).is_some());
        assert!(ledger.pay(&id).is_none());
        assert_eq!(ledger.charges().count(), 1);
    }

    #[test]
    fn a_declined_card_can_be_followed_by_a_good_one() {
        let (mut ledger, id) = ledger_with_session(1000);
        assert!(ledger.decline(&id).is_some());
        assert_eq!(ledger.charges().count(), 0);
        assert!(ledger.pay(&id).is_some());
        assert_eq!(ledger.intents().count(), 1);
        assert!(
            ledger
                .intents()
                .next()
                .unwrap()
                .last_payment_error
                .is_none()
        );
    }

    #[test]
    fn an_expired_session_cannot_be_paid_nor_a_paid_one_expired() {
        let (mut ledger, id) = ledger_with_session(1000);
        assert!(ledger.expire_overdue(world::now()).is_empty());
        let facts = ledger.expire_overdue(world::now() + TimeDelta::hours(1));
        assert_eq!(facts[0].kind, "checkout.session.expired");
        assert!(ledger.pay(&id).is_none());

        let (mut ledger, id) = ledger_with_session(1000);
        ledger.pay(&id);
        assert!(ledger.expire(&id).is_err());
    }

    #[test]
    fn refunds_never_exceed_the_charge() {
        let (mut ledger, id) = ledger_with_session(1000);
        ledger.decline(&id);
        refund(&mut ledger, None).unwrap_err();

        ledger.pay(&id);
        assert_eq!(refund(&mut ledger, Some(400)).unwrap(), 400);
        let error = refund(&mut ledger, Some(601)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("amount"));
        assert!(!ledger.charges().next().unwrap().refunded);

        assert_eq!(refund(&mut ledger, None).unwrap(), 600);
        assert!(ledger.charges().next().unwrap().refunded);
        let error = refund(&mut ledger, Some(1)).unwrap_err();
        assert_eq!(error.code, Some("charge_already_refunded"));
    }
}
