//! What follows from a charge or refund as the two books have it. Pure: whoever asks has looked at ours first and at the
//! provider's then, so what is booked here must be there.

use crate::mismatch::MismatchKind;
use crate::payment::{Payment, PaymentStatus};
use crate::provider::{RefundReply, RefundState, Standing, State};
use crate::refund::{Refund, RefundStatus};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Both have moved the same money.
    Agrees,
    /// Neither has moved any, or it is none of ours.
    Nothing,
    /// The provider has moved what we wait for, and nobody has told us.
    News,
    Differs(MismatchKind),
}

use Verdict::{Agrees, Differs, News, Nothing};

/// `ours` is the payment that has booked the charge, or else the one that the charge names.
pub(super) fn of_charge(
    intent_id: &str,
    ours: Option<&Payment>,
    theirs: Option<&Standing>,
) -> Verdict {
    let booked = |payment: &Payment| {
        matches!(
            payment.status,
            PaymentStatus::Succeeded | PaymentStatus::Refunded
        )
    };
    let same = |payment: &Payment| payment.intent_id.as_deref() == Some(intent_id);
    let (received, is_named) = match theirs {
        Some(Standing {
            payment_id,
            state: State::Paid(received),
        }) => (received, payment_id.is_some()),
        // A customer may have tried in vain before paying by another charge.
        _ if ours.is_some_and(|payment| booked(payment) && same(payment)) => {
            return Differs(MismatchKind::NotCharged);
        }
        _ => return Nothing,
    };
    match ours {
        None if is_named => Differs(MismatchKind::UnknownCharge),
        None => Nothing,
        Some(payment) if booked(payment) && !same(payment) => Differs(MismatchKind::ChargedTwice),
        Some(payment) if booked(payment) && received.is(payment.amount) => Agrees,
        Some(payment) if booked(payment) => Differs(MismatchKind::AmountDiffers),
        Some(payment) if payment.status != PaymentStatus::Failed => News,
        Some(payment) if received.is(payment.amount) => Differs(MismatchKind::ChargedTwice),
        Some(_) => Differs(MismatchKind::AmountDiffers),
    }
}

/// `is_of_our_charge`: whether the money that went back had come for a payment of ours.
pub(super) fn of_refund(
    ours: Option<&Refund>,
    theirs: Option<&RefundReply>,
    is_of_our_charge: bool,
) -> Verdict {
    let Some(theirs) = theirs else {
        return match ours {
            Some(refund) if refund.status == RefundStatus::Succeeded => {
                Differs(MismatchKind::NotRefunded)
            }
            _ => Nothing,
        };
    };
    let went_back = !matches!(theirs.status, RefundState::Failed | RefundState::Canceled);
    let Some(ours) = ours else {
        let is_ours = is_of_our_charge || theirs.refund_id().is_some();
        return if is_ours && went_back {
            Differs(MismatchKind::UnknownRefund)
        } else {
            Nothing
        };
    };
    let same_amount = theirs.amount == ours.amount.minor()
        && theirs
            .currency
            .eq_ignore_ascii_case(ours.amount.currency().code());
    match (ours.status, theirs.status) {
        _ if went_back && !same_amount => Differs(MismatchKind::RefundDiffers),
        (RefundStatus::Succeeded, RefundState::Succeeded) => Agrees,
        (RefundStatus::Succeeded, _) => Differs(MismatchKind::NotRefunded),
        (_, RefundState::Pending) => Nothing,
        (RefundStatus::Failed, _) if !went_back => Nothing,
        _ => News,
    }
}
