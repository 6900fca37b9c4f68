use anyhow::anyhow;
use kernel::PaymentId;

use super::ProviderError;
use super::wire::{IntentReply, IntentStatus, SessionPayment, SessionReply, SessionStatus};
use crate::payment::Received;

/// What the provider says about a payment, at the moment in which it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Which of our payments it is; `None` if it was made elsewhere.
    pub(crate) payment_id: Option<PaymentId>,
    pub(crate) state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The customer or the bank has yet to act.
    Waiting,
    /// The session with this id is over, and no money will come of it.
    Ended { session_id: String },
    /// The money is here.
    Paid(Received),
}

impl Standing {
    pub(super) fn of_session(session: SessionReply) -> Result<Self, ProviderError> {
        let payment_id = session.payment_id();
        let state = match (session.payment_status, session.status) {
            (SessionPayment::Paid, _) => State::Paid(received(session)?),
            (_, Some(SessionStatus::Expired)) => State::Ended {
                session_id: session.id,
            },
            _ => State::Waiting,
        };
        Ok(Self { payment_id, state })
    }

    pub(super) fn of_session_and_intent(session: SessionReply, intent: IntentReply) -> Self {
        let payment_id = session.payment_id();
        let state = match intent.status {
            IntentStatus::Succeeded => Self::of_intent(intent).state,
            IntentStatus::RequiresPaymentMethod | IntentStatus::Canceled => State::Ended {
                session_id: session.id,
            },
            IntentStatus::Other => State::Waiting,
        };
        Self { payment_id, state }
    }

    /// An intent alone never ends a session: after a declined card the customer tries another on the same page.
    pub(super) fn of_intent(intent: IntentReply) -> Self {
        Self {
            payment_id: intent.payment_id(),
            state: match intent.status {
                IntentStatus::Succeeded => State::Paid(Received {
                    intent_id: intent.id,
                    minor: intent.amount_received,
                    currency: intent.currency,
                }),
                _ => State::Waiting,
            },
        }
    }
}

fn received(session: SessionReply) -> Result<Received, ProviderError> {
    match (
        session.payment_intent,
        session.amount_total,
        session.currency,
    ) {
        (Some(intent_id), Some(minor), Some(currency)) => Ok(Received {
            intent_id,
            minor,
            currency,
        }),
        _ => Err(ProviderError::Unreadable(anyhow!(
            "session {} is paid without intent, amount or currency",
            session.id
        ))),
    }
}
