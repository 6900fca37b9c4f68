use chrono::TimeDelta;

use super::*;

fn ledger_with_session(amount_total: i64) -> (Ledger, String) {
    let mut ledger = Ledger::new(Clock::system(), 10);
    let new = NewSession {
        success_url: "https://shop.example/thanks".to_owned(),
        cancel_url: None,
        client_reference_id: None,
        customer_email: None,
        currency: "eur".to_owned(),
        amount_total,
        lines: Vec::new(),
        expires_at: ledger.clock.now() + TimeDelta::hours(1),
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
    assert!(ledger.expire_overdue().is_empty());
    let later = ledger.clock.now() + TimeDelta::hours(1);
    ledger.clock = Clock::from_fn(move || later);
    let facts = ledger.expire_overdue();
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
