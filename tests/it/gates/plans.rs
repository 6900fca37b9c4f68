use std::path::Path;

use tests::gates::plans::{Query, Stage, queries};

use super::{broken, told};

fn all_queries() -> Vec<Query> {
    queries(Path::new(".."))
}

#[tokio::test]
async fn every_query_is_served_by_an_index_and_every_index_serves_a_query() {
    let findings = Stage::set("").await.check(&all_queries()).await;
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[tokio::test]
async fn a_dropped_index_is_missed_by_the_query_that_it_served() {
    let mut stage = Stage::set("DROP INDEX orders.orders_history_idx").await;
    let findings = stage.check(&all_queries()).await;
    let told = told(&findings);
    assert!(told.contains("crates/orders/src/db/orders.rs:"), "{told}");
    assert!(
        told.contains("orders.orders is read from end to end"),
        "{told}"
    );
    assert!(told.contains("Add an index over the columns"), "{told}");
}

#[tokio::test]
async fn what_no_index_serves_is_refused_unless_it_is_waived_with_a_reason() {
    let mut stage = Stage::set("").await;
    let mut rules = async |text: &str, parameters| {
        let findings = stage.check(&[Query::planted(text, parameters)]).await;
        let here = findings
            .into_iter()
            .filter(|finding| finding.place == "planted");
        here.map(|finding| finding.rule.name).collect::<Vec<_>>()
    };
    let find_by_city = "SELECT id FROM orders.orders WHERE city = $1";
    assert_eq!(rules(find_by_city, 1).await, ["scan"]);
    let waived = format!("{find_by_city}\n-- waive scan: a person asks once a year");
    assert_eq!(rules(&waived, 1).await, Vec::<&str>::new());
    let blank = format!("{find_by_city}\n-- waive scan:");
    assert_eq!(rules(&blank, 1).await, ["blank-waiver"]);

    let find = "SELECT id FROM orders.orders WHERE id = $1";
    assert_eq!(rules(find, 1).await, Vec::<&str>::new());
    let needless = format!("{find}\n-- waive scan: a person asks once a year");
    assert_eq!(rules(&needless, 1).await, ["stale-waiver"]);
    let scoped = "SELECT id FROM orders.orders WHERE id = $1 AND user_id = $2";
    assert_eq!(rules(scoped, 2).await, Vec::<&str>::new());

    let filtered = "SELECT id FROM orders.orders WHERE user_id = $1 AND city = $2";
    assert_eq!(rules(filtered, 2).await, ["filter"]);
    let sorted = "SELECT id FROM orders.orders WHERE user_id = $1 ORDER BY total LIMIT 20";
    assert_eq!(rules(sorted, 1).await, ["sort"]);
    let newest =
        "SELECT id FROM orders.orders WHERE user_id = $1 ORDER BY placed_at DESC, id DESC LIMIT 20";
    assert_eq!(rules(newest, 1).await, Vec::<&str>::new());

    // The first page of everything goes along an index and stops; counting everything does not stop.
    let first_page = "SELECT id FROM platform.events ORDER BY occurred_at LIMIT 20";
    assert_eq!(rules(first_page, 0).await, Vec::<&str>::new());
    assert_eq!(
        rules("SELECT count(*) FROM platform.events", 0).await,
        ["scan"]
    );
    // PostgreSQL takes a limit that it does not know for a tenth of the table.
    let unknown_limit = "DELETE FROM billing.webhook_events WHERE id IN
        (SELECT id FROM billing.webhook_events WHERE received_at < $1 ORDER BY received_at LIMIT $2)";
    assert_eq!(rules(unknown_limit, 2).await, ["scan"]);
}

#[tokio::test]
async fn indexes_are_neither_missing_nor_double_nor_idle() {
    let mut stage = Stage::set(
        "DROP INDEX orders.order_lines_product_id_idx;
         CREATE INDEX orders_double_idx ON orders.orders (user_id, placed_at DESC);
         CREATE INDEX orders_idle_idx ON orders.orders (city);
         CREATE INDEX orders_kept_idx ON orders.orders (country);
         COMMENT ON INDEX orders.orders_kept_idx IS 'kept: the planted report needs it';
         CREATE INDEX orders_unreasoned_idx ON orders.orders (street);
         COMMENT ON INDEX orders.orders_unreasoned_idx IS 'kept: '",
    )
    .await;
    let findings = stage.check(&all_queries()).await;
    let broken = broken(&findings);
    for expected in [
        (
            "foreign-key",
            "orders.order_lines, order_lines_product_id_fkey",
        ),
        ("duplicate-index", "orders.orders, orders_double_idx"),
        ("unused-index", "orders.orders, orders_idle_idx"),
        ("unused-index", "orders.orders, orders_unreasoned_idx"),
    ] {
        assert!(broken.contains(&expected), "{expected:?} in {broken:?}");
    }
    assert!(
        !broken
            .iter()
            .any(|(_, place)| place.contains("orders_kept_idx"))
    );
}

#[tokio::test]
async fn a_table_that_cannot_grow_may_be_read_from_end_to_end() {
    let read = Query::planted("SELECT name FROM orders.planted WHERE name = $1", 1);
    let create = "CREATE TABLE orders.planted (id uuid PRIMARY KEY, name text)";
    let mut grows = Stage::set(create).await;
    let findings = grows.check(std::slice::from_ref(&read)).await;
    assert!(broken(&findings).contains(&("scan", "planted")));

    let bounded = format!("{create}; COMMENT ON TABLE orders.planted IS 'bounded: planted'");
    let findings = Stage::set(&bounded).await.check(&[read]).await;
    assert!(!broken(&findings).contains(&("scan", "planted")));
}
