use kernel::{Clock, Currency, Entropy};

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::Eur)
}

fn opened() -> Payment {
    let (clock, entropy) = (Clock::fixed(now()), Entropy::seeded(1));
    Payment {
        id: PaymentId::generate(&clock, &entropy),
        order_id: OrderId::generate(&clock, &entropy),
        order_number: "M-1001".to_owned(),
        user_id: UserId::generate(&clock, &entropy),
        amount: eur(4_200),
        status: PaymentStatus::Opened,
        attempt: None,
        session: None,
        intent_id: None,
        paid_at: None,
        failure: None,
        created_at: now(),
    }
}

fn session(id: &str) -> Session {
    Session {
        id: id.to_owned(),
        url: format!("https://pay.example/{id}"),
    }
}

fn pending() -> Payment {
    let mut payment = opened();
    payment.next_step(now()).unwrap();
    payment.session_opened(1, session("cs_1")).unwrap();
    payment
}

fn received(minor: i64) -> Received {
    Received {
        intent_id: "pi_1".to_owned(),
        minor,
        currency: "eur".to_owned(),
    }
}

fn attempt_of(step: NextStep) -> Attempt {
    match step {
        NextStep::OpenSession(attempt) => attempt,
        other => panic!("expected an attempt, not {other:?}"),
    }
}

#[test]
fn an_unanswered_attempt_is_repeated_word_for_word() {
    let mut payment = opened();
    let first = attempt_of(payment.next_step(now()).unwrap());
    let again = payment.next_step(now() + TimeDelta::minutes(5)).unwrap();
    assert_eq!(attempt_of(again), first);
}

#[test]
fn an_unanswered_attempt_that_the_provider_would_refuse_is_replaced() {
    let mut payment = opened();
    let first = attempt_of(payment.next_step(now()).unwrap());
    let later = now() + TimeDelta::minutes(30);
    let second = attempt_of(payment.next_step(later).unwrap());
    assert_eq!(second.number, first.number + 1);
    assert_eq!(second.expires_at, later + SESSION_LIFETIME);
}

#[test]
fn a_live_session_is_reused() {
    let step = pending().next_step(now() + TimeDelta::minutes(59));
    assert_eq!(step, Ok(NextStep::Reuse(session("cs_1"))));
}

#[test]
fn the_provider_is_asked_about_a_session_that_should_be_over() {
    let step = pending().next_step(now() + SESSION_LIFETIME);
    assert_eq!(step, Ok(NextStep::AskProvider(session("cs_1"))));
}

#[test]
fn an_ended_session_makes_room_for_another() {
    let mut payment = pending();
    payment.session_ended("cs_1");
    assert_eq!(payment.status, PaymentStatus::Opened);
    assert_eq!(attempt_of(payment.next_step(now()).unwrap()).number, 2);
}

#[test]
fn news_of_an_earlier_session_change_nothing() {
    let mut payment = pending();
    payment.session_ended("cs_0");
    assert_eq!(payment, pending());
    let late = payment.session_opened(0, session("cs_0"));
    assert_eq!(late, Err(InvalidTransition(PaymentStatus::Pending)));
}

#[test]
fn two_answers_with_one_session_are_one() {
    let mut payment = pending();
    assert_eq!(payment.session_opened(1, session("cs_1")), Ok(()));
    assert_eq!(payment, pending());
}

#[test]
fn money_settles_a_payment_once() {
    let mut payment = pending();
    assert_eq!(payment.settle(received(4_200), now()), Settlement::Settled);
    assert_eq!(payment.status, PaymentStatus::Succeeded);
    assert_eq!(payment.settle(received(4_200), now()), Settlement::Known);
    let other = Received {
        intent_id: "pi_2".to_owned(),
        ..received(4_200)
    };
    assert_eq!(payment.settle(other, now()), Settlement::PaidTwice);
}

#[test]
fn the_wrong_amount_or_currency_fails_the_payment_for_good() {
    let dollars = Received {
        currency: "usd".to_owned(),
        ..received(4_200)
    };
    for wrong in [received(4_199), dollars] {
        let mut payment = pending();
        assert_eq!(payment.settle(wrong, now()), Settlement::Mismatch);
        assert_eq!(payment.status, PaymentStatus::Failed);
        assert_eq!(
            payment.settle(received(4_200), now()),
            Settlement::StillFailed
        );
    }
}

#[test]
fn money_for_an_abandoned_payment_is_booked() {
    let mut payment = pending();
    assert_eq!(payment.abandon(), Ok(Some(session("cs_1"))));
    assert_eq!(payment.settle(received(4_200), now()), Settlement::Settled);
}

#[test]
fn a_paid_payment_cannot_be_abandoned_or_paid_again() {
    let mut payment = pending();
    payment.settle(received(4_200), now());
    let refused = InvalidTransition(PaymentStatus::Succeeded);
    assert_eq!(payment.abandon(), Err(refused));
    assert_eq!(payment.next_step(now()), Err(refused));
}

#[test]
fn never_more_than_was_paid_goes_back() {
    let mut payment = pending();
    assert!(payment.refundable(0).is_err());
    payment.settle(received(4_200), now());
    assert_eq!(payment.refundable(0), Ok(eur(4_200)));
    assert_eq!(payment.refundable(4_000), Ok(eur(200)));
    assert!(payment.refundable(4_200).is_err());
    payment.refund().unwrap();
    assert!(payment.refundable(0).is_err());
    assert!(payment.refund().is_err());
}

#[test]
fn a_status_reads_back_from_its_name() {
    for status in PaymentStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    assert_eq!("paid".parse::<PaymentStatus>(), Err(UnknownName));
}
