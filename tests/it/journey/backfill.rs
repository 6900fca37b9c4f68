use sqlx::{Executor as _, PgConnection};
use tests::{Setup, Shop, eventually};

const NAME: &str = "orders.fill_search";

/// 2,500 orders that were placed under a release in which nobody could search them.
const OLD_ORDERS: &str = "
    WITH old AS (
        INSERT INTO orders.orders (id, user_id, status, total, currency, email, name, street, postal_code, city, country,
                                   placed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 'placed', 1600, 'EUR', 'old@example.com', 'Old', '1 Main Street',
               '20457', 'Hamburg', 'DE', now()
        FROM generate_series(1, 2500)
        RETURNING id
    )
    INSERT INTO orders.order_lines (order_id, product_id, title, quantity, unit_price)
    SELECT old.id, product.id, product.title, 1, 1600
    FROM old, (SELECT id, title FROM orders.products WHERE slug = 'everyday-mug') AS product";

/// Holds the 1,500th order, on which the backfill will have to wait.
const HOLD: &str = "
    BEGIN; SELECT id FROM orders.orders WHERE id = (SELECT id FROM orders.orders ORDER BY id OFFSET 1499 LIMIT 1) FOR UPDATE";

/// State, rows looked at and rows changed.
#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at what was written"
)]
async fn progress(connection: &mut PgConnection) -> (String, i64, i64) {
    sqlx::query_as("SELECT state, looked_at, changed FROM platform.backfills WHERE name = $1")
        .bind(NAME)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test looks at what was written"
)]
async fn count(connection: &mut PgConnection, what: &'static str) -> i64 {
    sqlx::query_scalar(what)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_backfill_whose_worker_is_killed_goes_on_where_it_was_and_does_each_row_once() {
    let setup = Setup::new("backfill").without_worker();
    let shop = Shop::open(setup.with("JOB_LEASE_SECONDS", "2")).await;
    let mut connection = shop.connect().await;
    connection.execute(OLD_ORDERS).await.unwrap();
    let mut customer = shop.connect().await;
    customer.execute(HOLD).await.unwrap();

    shop.run(&["backfill", "run", NAME]).await;
    shop.start_worker();
    eventually("a batch that waits for a customer", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        (count(&mut connection, waiting).await > 0).then_some(())
    })
    .await;
    shop.kill_worker(0).await;
    let (state, looked_at, _) = progress(&mut connection).await;
    assert_eq!(state, "running");
    assert!((100..1_500).contains(&looked_at), "{looked_at} rows");
    customer.execute("ROLLBACK").await.unwrap();

    shop.start_worker();
    eventually("a backfill that is complete", async || {
        (progress(&mut connection).await.0 == "complete").then_some(())
    })
    .await;
    let orders = count(&mut connection, "SELECT count(*) FROM orders.orders").await;
    let (_, looked_at, changed) = progress(&mut connection).await;
    assert_eq!((looked_at, changed), (orders, 2_500));
    let found = "SELECT count(*) FROM orders.orders WHERE search @@ to_tsquery('english', 'mug') AND name = 'Old'";
    assert_eq!(count(&mut connection, found).await, 2_500);

    shop.run(&["backfill", "status", NAME]).await;
    let told = shop.log("backfill");
    let complete = format!("{NAME}  complete  {orders} rows looked at, 2500 changed");
    assert!(told.contains(&complete), "{told}");
}
