use kernel::{Money, PaymentId};
use platform::db::violates;
use sqlx::{AssertSqlSafe, Executor as _};

use super::World;
use crate::ledger::Booking;

fn booking(world: &World, second_amount: i64) -> Booking {
    let id = PaymentId::generate(&world.platform.clock, &world.platform.entropy);
    let amount = world.an_order().amount;
    let mut booking = Booking::of_payment(id, amount);
    booking.entries[1].amount = Money::new(second_amount, amount.currency());
    booking
}

#[tokio::test]
async fn the_database_refuses_to_commit_an_unbalanced_transaction() {
    let world = World::start().await;
    let mut tx = world.platform.db.begin().await.unwrap();
    world.book(&mut tx, &booking(&world, -4_199)).await.unwrap();
    let error = tx.commit().await.unwrap_err();
    assert!(
        violates(&error, "ledger_entries_balance_check"),
        "{error:?}"
    );
    assert_eq!(world.ledger_balance().await.unwrap(), []);
}

#[tokio::test]
async fn two_currencies_cannot_balance_each_other() {
    let world = World::start().await;
    let mut mixed = booking(&world, -4_200);
    mixed.entries[1].amount = Money::new(-4_200, kernel::Currency::Usd);
    let mut tx = world.platform.db.begin().await.unwrap();
    world.book(&mut tx, &mixed).await.unwrap();
    assert!(tx.commit().await.is_err());
}

#[tokio::test]
async fn a_balanced_transaction_is_booked() {
    let world = World::start().await;
    let mut tx = world.platform.db.begin().await.unwrap();
    world.book(&mut tx, &booking(&world, -4_200)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.in_clearing().await, 4_200);
}

#[tokio::test]
async fn the_application_can_neither_change_nor_delete_what_is_booked() {
    let world = World::start().await;
    for statement in [
        "UPDATE billing.ledger_entries SET amount = amount * 2",
        "DELETE FROM billing.ledger_entries",
        "DELETE FROM billing.ledger_transactions",
        "TRUNCATE billing.ledger_entries",
        "UPDATE billing.invoices SET number = 'INV-2026-000099'",
        "DELETE FROM billing.invoices",
        "DELETE FROM billing.payments",
    ] {
        let mut connection = world.platform.db.acquire().await.unwrap();
        let refused = connection
            .execute(AssertSqlSafe(statement))
            .await
            .unwrap_err();
        let code = refused.into_database_error().unwrap();
        // insufficient_privilege
        assert_eq!(code.code().as_deref(), Some("42501"), "{statement}");
    }
}
