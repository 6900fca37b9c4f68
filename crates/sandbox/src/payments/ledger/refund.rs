use serde_json::json;

use super::{Fact, Ledger};
use crate::{
    payments::{
        error::ApiError,
        objects::{Metadata, Refund},
    },
    world,
};

/// A refund that is asked for.
#[derive(Debug)]
pub(crate) struct NewRefund {
    pub(crate) payment_intent: String,
    /// Everything that is left, if absent.
    pub(crate) amount: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Metadata,
}

impl Ledger {
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
            created: self.clock.now(),
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
}
