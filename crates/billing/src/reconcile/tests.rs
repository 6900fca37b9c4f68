use kernel::{Clock, Currency, Entropy, Money, OrderId, PaymentId, RefundId, UserId};
use serde_json::json;

use super::verdict::{Verdict, of_charge, of_refund};
use super::*;
use crate::payment::{Payment, PaymentStatus, Received};
use crate::provider::{RefundReply, Standing, State};
use crate::refund::{Refund, RefundStatus};

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_614_400 + hours * 3_600, 0).unwrap()
}

fn a_payment(status: PaymentStatus, intent_id: Option<&str>) -> Payment {
    let (clock, entropy) = (Clock::fixed(at(0)), Entropy::seeded(1));
    Payment {
        id: PaymentId::generate(&clock, &entropy),
        order_id: OrderId::generate(&clock, &entropy),
        order_number: "M-1001".to_owned(),
        user_id: UserId::generate(&clock, &entropy),
        amount: Money::new(4_200, Currency::Eur),
        status,
        attempt: None,
        session: None,
        intent_id: intent_id.map(str::to_owned),
        paid_at: intent_id.map(|_| at(0)),
        failure: None,
        created_at: at(0),
    }
}

fn paid(payment: &Payment, minor: i64, currency: &str) -> Standing {
    Standing {
        payment_id: Some(payment.id),
        state: State::Paid(Received {
            intent_id: "pi_1".to_owned(),
            minor,
            currency: currency.to_owned(),
        }),
    }
}

#[test]
fn a_charge_is_news_agrees_or_differs() {
    let opened = a_payment(PaymentStatus::Opened, None);
    let abandoned = a_payment(PaymentStatus::Abandoned, None);
    let failed = a_payment(PaymentStatus::Failed, None);
    let booked = a_payment(PaymentStatus::Succeeded, Some("pi_1"));
    let refunded = a_payment(PaymentStatus::Refunded, Some("pi_1"));
    let by_another = a_payment(PaymentStatus::Succeeded, Some("pi_2"));
    let whole = paid(&opened, 4_200, "eur");
    let waiting = Standing {
        state: State::Waiting,
        ..whole.clone()
    };
    let strangers = Standing {
        payment_id: None,
        ..whole.clone()
    };
    let differs = Verdict::Differs;
    for (ours, theirs, expected) in [
        (Some(&opened), Some(&whole), Verdict::News),
        (Some(&abandoned), Some(&whole), Verdict::News),
        (Some(&booked), Some(&whole), Verdict::Agrees),
        (Some(&refunded), Some(&whole), Verdict::Agrees),
        (
            Some(&booked),
            Some(&paid(&booked, 4_199, "eur")),
            differs(MismatchKind::AmountDiffers),
        ),
        (
            Some(&booked),
            Some(&paid(&booked, 4_200, "usd")),
            differs(MismatchKind::AmountDiffers),
        ),
        (
            Some(&failed),
            Some(&paid(&failed, 1, "eur")),
            differs(MismatchKind::AmountDiffers),
        ),
        (
            Some(&failed),
            Some(&whole),
            differs(MismatchKind::ChargedTwice),
        ),
        (
            Some(&by_another),
            Some(&whole),
            differs(MismatchKind::ChargedTwice),
        ),
        (None, Some(&whole), differs(MismatchKind::UnknownCharge)),
        (
            Some(&booked),
            Some(&waiting),
            differs(MismatchKind::NotCharged),
        ),
        (Some(&booked), None, differs(MismatchKind::NotCharged)),
        (Some(&by_another), Some(&waiting), Verdict::Nothing),
        (Some(&opened), Some(&waiting), Verdict::Nothing),
        (None, Some(&strangers), Verdict::Nothing),
        (None, None, Verdict::Nothing),
    ] {
        assert_eq!(
            of_charge("pi_1", ours, theirs),
            expected,
            "{ours:?} {theirs:?}"
        );
    }
}

#[test]
fn a_refund_is_news_agrees_or_differs() {
    let (clock, entropy) = (Clock::fixed(at(0)), Entropy::seeded(1));
    let id = RefundId::generate(&clock, &entropy);
    let with = |status| Refund {
        id,
        payment_id: PaymentId::generate(&clock, &entropy),
        amount: Money::new(420, Currency::Eur),
        status,
        reason: "Damaged".to_owned(),
        requested_by: None,
        provider_refund_id: None,
        failure: None,
        requested_at: at(0),
    };
    let [requested, succeeded, failed] = [
        RefundStatus::Requested,
        RefundStatus::Succeeded,
        RefundStatus::Failed,
    ]
    .map(with);
    let reply = |amount: i64, status: &str| -> RefundReply {
        let reply = json!({
            "id": "re_1", "status": status, "amount": amount, "currency": "eur",
            "metadata": { "refund_id": id },
        });
        serde_json::from_value(reply).unwrap()
    };
    let differs = Verdict::Differs;
    for (ours, theirs, expected) in [
        (
            Some(&succeeded),
            Some(reply(420, "succeeded")),
            Verdict::Agrees,
        ),
        (
            Some(&requested),
            Some(reply(420, "succeeded")),
            Verdict::News,
        ),
        (Some(&requested), Some(reply(420, "failed")), Verdict::News),
        (Some(&failed), Some(reply(420, "succeeded")), Verdict::News),
        (
            Some(&requested),
            Some(reply(420, "pending")),
            Verdict::Nothing,
        ),
        (Some(&failed), Some(reply(420, "failed")), Verdict::Nothing),
        (Some(&requested), None, Verdict::Nothing),
        (
            Some(&succeeded),
            Some(reply(420, "pending")),
            differs(MismatchKind::NotRefunded),
        ),
        (
            Some(&succeeded),
            Some(reply(420, "failed")),
            differs(MismatchKind::NotRefunded),
        ),
        (Some(&succeeded), None, differs(MismatchKind::NotRefunded)),
        (
            Some(&succeeded),
            Some(reply(42, "succeeded")),
            differs(MismatchKind::RefundDiffers),
        ),
        (
            Some(&requested),
            Some(reply(42, "succeeded")),
            differs(MismatchKind::RefundDiffers),
        ),
        (
            None,
            Some(reply(420, "succeeded")),
            differs(MismatchKind::UnknownRefund),
        ),
        (None, Some(reply(420, "failed")), Verdict::Nothing),
    ] {
        assert_eq!(
            of_refund(ours, theirs.as_ref(), false),
            expected,
            "{ours:?} {theirs:?}"
        );
    }
}

#[test]
fn a_refund_that_nobody_here_asked_for_counts_if_it_gives_back_our_money() {
    let reply = json!({ "id": "re_1", "status": "succeeded", "amount": 1, "currency": "eur" });
    let reply: RefundReply = serde_json::from_value(reply).unwrap();
    let unknown = Verdict::Differs(MismatchKind::UnknownRefund);
    assert_eq!(of_refund(None, Some(&reply), true), unknown);
    assert_eq!(of_refund(None, Some(&reply), false), Verdict::Nothing);
}

#[test]
fn each_run_looks_back_as_far_as_a_customer_may_take() {
    let windows: Vec<_> = strides(at(0), at(1)).collect();
    let expected = Window {
        from: at(-2),
        until: at(1),
    };
    assert_eq!(windows, [expected]);
}

#[test]
fn a_long_time_is_made_up_for_in_days_and_not_in_one_run() {
    let windows: Vec<_> = strides(at(0), at(40 * 24)).collect();
    assert_eq!(windows.len(), 31);
    assert!(windows.windows(2).all(|pair| pair[0].until == pair[1].from));
    assert_eq!(windows[30].until, at(31 * 24 - 2));
}
