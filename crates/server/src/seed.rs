//! Demo data: a full catalogue, people to sign in as, and orders wherever an order can stand.

use anyhow::{Context as _, ensure};
use billing::OpenPayment;
use kernel::Staff;
use orders::{DemoCustomer, DemoOrder, Order, OrderStatus};
use platform::jobs::Outcome;
use serde::Serialize;

use crate::app::App;
use crate::worker;

/// Who can sign in to the demo shop, as the command `seed` prints it.
#[derive(Debug, Serialize)]
pub struct Seeded {
    accounts: Vec<Account>,
}

#[derive(Debug, Serialize)]
struct Account {
    email: String,
    password: String,
    role: String,
}

/// Fills an empty shop. What is there already stays as it is.
///
/// # Errors
/// If the database or the storage cannot be reached.
pub async fn seed(app: &App) -> anyhow::Result<Seeded> {
    let currency = app.site().currency;
    app.orders()
        .seed_catalogue(currency)
        .await
        .context("seed the catalogue")?;
    Ok(Seeded {
        accounts: Vec::new(),
    })
}

/// Places the demo orders of `customer`, unless they have orders already, and brings each to where it is to stand: through
/// the use cases and the reactions that a real order would pass through, so that invoices, ledger and stock agree.
///
/// # Errors
/// If a use case refuses.
pub async fn seed_orders(app: &App, customer: &DemoCustomer, staff: Staff) -> anyhow::Result<()> {
    for DemoOrder { order, becomes } in app.orders().seed_orders(customer).await? {
        advance(app, &order, becomes, staff)
            .await
            .with_context(|| format!("bring order {} to {becomes}", order.number))?;
    }
    Ok(())
}

async fn advance(
    app: &App,
    order: &Order,
    becomes: OrderStatus,
    staff: Staff,
) -> anyhow::Result<()> {
    let orders = app.orders();
    if becomes == OrderStatus::Cancelled {
        orders.cancel(order.user_id, order.number).await?;
    } else if becomes != OrderStatus::Placed {
        pay(app, order).await?;
    }
    if matches!(becomes, OrderStatus::Shipped | OrderStatus::Completed) {
        orders.ship(staff, order.number).await?;
    }
    if becomes == OrderStatus::Completed {
        orders.complete(staff, order.number).await?;
    }
    if becomes == OrderStatus::Refunded {
        app.billing().seed_refund(order.id).await?;
    }
    react(app).await
}

async fn pay(app: &App, order: &Order) -> anyhow::Result<()> {
    let open = OpenPayment {
        order_id: order.id,
        order_number: order.number.to_string(),
        user_id: order.user_id,
        amount: order.total,
    };
    app.billing().at(order.placed_at).seed_payment(open).await?;
    react(app).await
}

/// Runs the reactions to what was published. Letters may have to wait for a mail server.
async fn react(app: &App) -> anyhow::Result<()> {
    let reports = worker::runner(app).run_due().await?;
    let dead = reports
        .iter()
        .find(|report| report.outcome == Outcome::Dead);
    ensure!(dead.is_none(), "a reaction was given up: {dead:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use kernel::{Actor, PageRequest, Role, UserId};
    use platform::testing::TestPlatform;

    use super::*;

    #[tokio::test]
    async fn demo_orders_stand_wherever_an_order_can_stand_and_the_books_agree() {
        let subscriptions = worker::registry().subscriptions();
        let platform = TestPlatform::start_with(&crate::migrations::all(), subscriptions).await;
        let app = App::for_tests(&platform);
        let user_id = UserId::generate(&platform.clock, &platform.entropy);
        let customer = DemoCustomer {
            user_id,
            name: "Ann Lee".to_owned(),
            email: "ann@example.com".parse().unwrap(),
        };
        let staff = Actor {
            user_id,
            role: Role::Support,
        }
        .require_staff()
        .unwrap();

        seed(&app).await.unwrap();
        seed_orders(&app, &customer, staff).await.unwrap();

        let listed = app
            .orders()
            .list(user_id, &PageRequest::default())
            .await
            .unwrap();
        let mut standing: Vec<_> = listed.items.iter().map(|order| order.status).collect();
        standing.sort_by_key(OrderStatus::to_string);
        standing.dedup();
        assert_eq!(standing.len(), 6, "{standing:?}");
        let invoices = app
            .billing()
            .list_invoices(user_id, PageRequest::default())
            .await
            .unwrap();
        assert_eq!(
            invoices.items.len(),
            5,
            "four paid orders and one credit note"
        );
        let balances = app.billing().ledger_balance().await.unwrap();
        assert!(!balances.is_empty());
        assert_eq!(
            balances
                .iter()
                .map(|account| account.balance.minor())
                .sum::<i64>(),
            0
        );
        assert!(platform.jobs_waiting().await.is_empty());

        let before = platform.sent_mail().len();
        seed(&app).await.unwrap();
        seed_orders(&app, &customer, staff).await.unwrap();
        assert_eq!(
            platform.sent_mail().len(),
            before,
            "what is there stays as it is"
        );
    }
}
