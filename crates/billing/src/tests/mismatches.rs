use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use kernel::PaymentId;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::*;
use crate::{Mismatch, MismatchKind};

fn charge(payment_id: Value) -> Value {
    json!({
        "object": "payment_intent", "status": "succeeded", "amount_received": 4_200, "currency": "eur",
        "metadata": { "payment_id": payment_id },
    })
}

/// Something that goes wrong at the provider, and how it comes right again.
struct Fault {
    kind: MismatchKind,
    subject: &'static str,
    wrong: fn(&ProviderStub, PaymentId),
    right: fn(&ProviderStub),
}

/// What happens to `pi_1`, which paid for an order, and to `re_3`, which gave a tenth of it back.
const FAULTS: [Fault; 8] = [
    Fault {
        kind: MismatchKind::UnknownCharge,
        subject: "pi_x",
        wrong: |provider, _| {
            let nobodys = json!("019b8e3a-0000-7000-8000-000000000000");
            provider.make("pi_x", charge(nobodys));
        },
        right: |provider| drop(provider.lose("pi_x")),
    },
    Fault {
        kind: MismatchKind::ChargedTwice,
        subject: "pi_x",
        wrong: |provider, payment_id| provider.make("pi_x", charge(json!(payment_id))),
        right: |provider| drop(provider.lose("pi_x")),
    },
    Fault {
        kind: MismatchKind::AmountDiffers,
        subject: "pi_1",
        wrong: |provider, _| provider.change("pi_1", json!({ "amount_received": 4_199 })),
        right: |provider| provider.change("pi_1", json!({ "amount_received": 4_200 })),
    },
    Fault {
        kind: MismatchKind::AmountDiffers,
        subject: "pi_1",
        wrong: |provider, _| provider.change("pi_1", json!({ "currency": "usd" })),
        right: |provider| provider.change("pi_1", json!({ "currency": "eur" })),
    },
    Fault {
        kind: MismatchKind::NotCharged,
        subject: "pi_1",
        wrong: |provider, _| provider.change("pi_1", json!({ "status": "canceled" })),
        right: |provider| provider.change("pi_1", json!({ "status": "succeeded" })),
    },
    Fault {
        kind: MismatchKind::UnknownRefund,
        subject: "re_x",
        wrong: |provider, _| {
            let by_hand = json!({
                "object": "refund", "status": "succeeded", "payment_intent": "pi_1", "amount": 1, "currency": "eur",
            });
            provider.make("re_x", by_hand);
        },
        right: |provider| provider.change("re_x", json!({ "status": "canceled" })),
    },
    Fault {
        kind: MismatchKind::RefundDiffers,
        subject: "re_3",
        wrong: |provider, _| provider.change("re_3", json!({ "amount": 421 })),
        right: |provider| provider.change("re_3", json!({ "amount": 420 })),
    },
    Fault {
        kind: MismatchKind::NotRefunded,
        subject: "re_3",
        wrong: |provider, _| provider.change("re_3", json!({ "status": "failed" })),
        right: |provider| provider.change("re_3", json!({ "status": "succeeded" })),
    },
];

#[tokio::test]
async fn what_differs_is_written_down_once_until_it_is_gone() {
    for Fault {
        kind,
        subject,
        wrong,
        right,
    } in FAULTS
    {
        let world = World::start().await;
        let order = world.a_paid_order().await;
        world.refund_a_tenth(&order).await;
        let payment_id = world.payment(&order).await.id;
        for _ in 0..2 {
            wrong(&world.provider, payment_id);
            let mut seen = Vec::new();
            for _ in 0..3 {
                world.reconcile_after(TimeDelta::minutes(11)).await;
                assert_eq!(world.mismatches().await, [(kind, subject.to_owned())]);
                seen.extend(world.list_mismatches().await.unwrap());
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
            assert_eq!(world.count_mismatches().await.unwrap(), 1);
            right(&world.provider);
            world.reconcile_after(TimeDelta::minutes(11)).await;
            assert_eq!(world.mismatches().await, [], "{kind}");
        }
        // The books themselves were left alone.
        assert_eq!(world.in_clearing().await, 4_200 - 420);
    }
}

#[tokio::test]
async fn what_the_provider_has_lost_is_missed() {
    let world = World::start().await;
    let order = world.a_paid_order().await;
    let refund_id = world.refund_a_tenth(&order).await;
    let (intent, refund) = (world.provider.lose("pi_1"), world.provider.lose(&refund_id));
    world.reconcile_later().await;
    let expected = [
        (MismatchKind::NotCharged, "pi_1".to_owned()),
        (MismatchKind::NotRefunded, refund_id.clone()),
    ];
    assert_eq!(world.mismatches().await, expected);
    let told = world.list_mismatches().await.unwrap();
    assert_eq!(told[0].theirs, None);
    let ours = told[0].ours.as_deref().unwrap();
    let reads_well = ours.starts_with("€42.00 of order M-") && ours.ends_with(": succeeded");
    assert!(reads_well, "{ours}");

    world.provider.make("pi_1", intent);
    world.provider.make(&refund_id, refund);
    world.reconcile_later().await;
    assert_eq!(world.mismatches().await, []);
}

#[tokio::test]
async fn money_that_was_not_asked_for_is_a_mismatch_as_well_as_a_failed_payment() {
    let world = World::start().await;
    let order = world.an_order();
    let session = world.check_out(&order).await;
    world.provider.pay_amount(&session, 1, "eur");
    world.reconcile_later().await;
    assert_eq!(world.status(&order).await, PaymentStatus::Failed);
    let expected = (MismatchKind::AmountDiffers, "pi_1".to_owned());
    assert_eq!(world.mismatches().await, [expected]);
}

#[tokio::test]
async fn what_others_do_on_the_same_account_is_not_ours() {
    let world = World::start().await;
    world.a_paid_order().await;
    let mut strangers = charge(json!(null));
    strangers["metadata"] = json!({});
    world.provider.make("pi_x", strangers);
    let refund = json!({
        "object": "refund", "status": "succeeded", "payment_intent": "pi_x", "amount": 1, "currency": "eur",
    });
    world.provider.make("re_x", refund);
    world.reconcile_later().await;
    assert_eq!(world.mismatches().await, []);
}

#[tokio::test]
async fn a_ledger_that_does_not_sum_to_zero_is_a_mismatch() {
    let world = World::start().await;
    world.a_paid_order().await;
    let url = world.platform.database().superuser_url();
    let mut intruder = PgConnection::connect(url.as_str()).await.unwrap();
    let cook = |minor: i64| {
        AssertSqlSafe(format!(
            "SET session_replication_role = replica;
             UPDATE billing.ledger_entries SET amount = {minor} WHERE amount > 0"
        ))
    };
    intruder.execute(cook(4_300)).await.unwrap();
    world.reconcile_later().await;
    world.reconcile_later().await;
    let open = world.list_mismatches().await.unwrap();
    let [mismatch] = &open[..] else {
        panic!("one mismatch, not {open:?}");
    };
    assert_eq!(mismatch.kind, MismatchKind::Unbalanced);
    assert_eq!(mismatch.subject, "EUR");
    assert_eq!(
        mismatch.ours.as_deref(),
        Some("the accounts sum to 100 (minor units)")
    );
    intruder.execute(cook(4_200)).await.unwrap();
    world.reconcile_later().await;
    assert_eq!(world.mismatches().await, []);
}

/// Counts the alarms of the thread that it listens to.
#[derive(Default)]
struct Alarms(Arc<AtomicU64>);

impl Recorder for Alarms {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match key.name() {
            "billing_mismatches_found_total" => Counter::from_arc(Arc::clone(&self.0)),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn an_alarm_is_raised_for_what_is_new_or_has_changed() {
    let alarms = Alarms::default();
    let _listening = metrics::set_default_local_recorder(&alarms);
    let world = World::start().await;
    let find = async |theirs: &str| {
        let mismatch = Mismatch {
            kind: MismatchKind::AmountDiffers,
            subject: "pi_1".to_owned(),
            ours: None,
            theirs: Some(theirs.to_owned()),
            first_seen_at: world.platform.clock.now(),
        };
        world.record(mismatch).await.unwrap();
        alarms.0.load(Ordering::Relaxed)
    };
    let mut raised = Vec::new();
    for theirs in ["1 eur", "1 eur", "2 eur", "2 eur"] {
        raised.push(find(theirs).await);
    }
    world.resolve("pi_1").await.unwrap();
    raised.push(find("2 eur").await);
    assert_eq!(raised, [1, 1, 2, 2, 3]);
}
