//! Demo data: a full catalogue, people to sign in as, and orders wherever an order can stand.

use anyhow::{Context as _, ensure};
use billing::OpenPayment;
use kernel::{Actor, EmailAddress, Role, Staff};
use orders::{DemoCustomer, DemoOrder, Order, OrderStatus};
use platform::jobs::Outcome;
use serde::Serialize;
use users::SeedAccount;

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

/// Long enough for the policy and easy to type. Everybody of the demo shop has it; production refuses to be seeded.
const PASSWORD: &str = "correct-horse-battery";

const PEOPLE: [(&str, &str, Role); 5] = [
    ("Ada Customer", "ada@example.test", Role::Customer),
    ("Bela Customer", "bela@example.test", Role::Customer),
    ("Cleo Customer", "cleo@example.test", Role::Customer),
    ("Sam Support", "support@example.test", Role::Support),
    ("Alex Admin", "admin@example.test", Role::Admin),
];

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
    let mut customers = Vec::new();
    let mut staff = None;
    for (name, email, role) in PEOPLE {
        let (actor, customer) = seed_person(app, name, email, role)
            .await
            .with_context(|| format!("seed {email}"))?;
        match actor.require_staff() {
            Ok(someone) => staff = Some(someone),
            Err(_) => customers.push(customer),
        }
    }
    let staff = staff.context("nobody works in the demo shop")?;
    for customer in &customers {
        seed_orders(app, customer, staff).await?;
    }
    let accounts = PEOPLE.map(|(_, email, role)| Account {
        email: email.to_owned(),
        password: PASSWORD.to_owned(),
        role: role.to_string(),
    });
    Ok(Seeded {
        accounts: accounts.into(),
    })
}

async fn seed_person(
    app: &App,
    name: &str,
    email: &str,
    role: Role,
) -> anyhow::Result<(Actor, DemoCustomer)> {
    let email = EmailAddress::parse(email)?;
    let account = SeedAccount {
        email: email.clone(),
        name: name.to_owned(),
        password: PASSWORD.into(),
        role,
    };
    let user_id = app.users().seed_account(account).await?;
    let customer = DemoCustomer {
        user_id,
        name: name.to_owned(),
        email,
    };
    Ok((Actor { user_id, role }, customer))
}

/// Places the demo orders of `customer`, unless they have orders already, and brings each to where it is to stand: through
/// the use cases and the reactions that a real order would pass through, so that invoices, ledger and stock agree.
///
/// # Errors
/// If a use case refuses.
async fn seed_orders(app: &App, customer: &DemoCustomer, staff: Staff) -> anyhow::Result<()> {
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
    use kernel::PageRequest;
    use platform::testing::TestPlatform;

    use super::*;

    #[tokio::test]
    async fn demo_orders_stand_wherever_an_order_can_stand_and_the_books_agree() {
        let subscriptions = worker::registry().subscriptions();
        let platform = TestPlatform::start_with(&crate::migrations::all(), subscriptions).await;
        let app = App::for_tests(&platform);

        let seeded = seed(&app).await.unwrap();
        let ada = &seeded.accounts[0];
        let email = EmailAddress::parse(&ada.email).unwrap();
        let password = ada.password.as_str().into();
        let user_id = app.users().sign_in(&email, &password).await.unwrap().id;

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
        assert_eq!(
            platform.sent_mail().len(),
            before,
            "what is there stays as it is"
        );
    }
}
