use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use server::telemetry::Tally;
use sqlx::{AssertSqlSafe, Executor as _};
use tests::gates::plans::{Query, queries};
use tests::gates::routes::Port;
use tests::gates::statements::{Stages, budgets, judge};
use tests::gates::world::World;

use super::{broken, kept, told};

fn all_queries() -> Vec<Query> {
    queries(Path::new(".."))
}

#[tokio::test]
async fn every_route_that_reads_sends_as_many_statements_over_twenty_rows_as_over_one() {
    let stages = Stages::set(|_| {}).await;
    let (routes, mut findings) = stages.routes();
    assert!(routes.len() > 40, "only {} routes were found", routes.len());
    let (measured, unseen) = stages.measure(&routes).await;
    findings.extend(unseen);
    let known = fs::read_to_string("it/gates/statements.txt").unwrap();
    findings.extend(judge(&measured, &known, &all_queries()));
    let kept = kept("statements.txt", &budgets(&measured, &known));
    let told = told(&findings);
    assert!(
        findings.is_empty(),
        "{told}\n\nWhat was measured stands in {kept}."
    );
}

/// Registers handlers with the faults that this gate is there for, counted as the shop's own are.
fn plant(world: &mut World) {
    let db = world.db().clone();
    let send = async move |statement: &'static str, times: usize| {
        let mut connection = db.acquire().await.unwrap();
        for _ in 0..times {
            connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    };
    let products = world.db().clone();
    let (twice, locks) = (send.clone(), send.clone());
    let loops = async move || {
        let mut connection = products.acquire().await.unwrap();
        let all = connection
            .fetch_all("SELECT id FROM orders.products")
            .await
            .unwrap();
        for _ in all {
            connection.execute("SELECT 'one product'").await.unwrap();
        }
    };
    let router = axum::Router::new()
        .route("/planted/loop", get(loops))
        .route(
            "/planted/thrice",
            get(async move || send("SELECT 3", 3).await),
        )
        .route(
            "/planted/twice",
            get(async move || twice("SELECT 2", 2).await),
        )
        .route(
            "/planted/lock",
            get(async move || locks("SELECT id FROM orders.orders LIMIT 1 FOR UPDATE", 1).await),
        )
        .layer(from_fn(count))
        .route("/planted/uncounted", get(async || "planted"))
        .route("/planted/{nobody_knows}", get(async || "planted"));
    world.serve(router.merge(world.router(Port::Public).clone()));
}

async fn count(request: Request, next: Next) -> Response {
    let tally = Arc::new(Tally::by_text());
    let mut response = Arc::clone(&tally).count(next.run(request)).await;
    response.extensions_mut().insert(tally);
    response
}

#[tokio::test]
async fn a_loop_a_write_and_a_route_that_is_not_seen_are_refused() {
    let stages = Stages::set(plant).await;
    let (mut routes, opaque) = stages.routes();
    assert!(opaque.is_empty(), "{}", told(&opaque));
    routes.retain(|route| route.template.starts_with("/planted/"));
    assert_eq!(routes.len(), 6);
    let (measured, mut findings) = stages.measure(&routes).await;
    let budgets = "   3  GET /planted/thrice\n   1  GET /planted/twice\n   1  GET /planted/lock\n   7  GET /gone\n";
    findings.extend(judge(&measured, budgets, &all_queries()));

    let broken = broken(&findings);
    for expected in [
        ("grows", "GET /planted/loop"),
        ("repeated", "GET /planted/loop"),
        ("budget", "GET /planted/loop"),
        ("repeated", "GET /planted/thrice"),
        ("budget", "GET /planted/twice"),
        ("writes", "GET /planted/lock"),
        ("unseen-route", "GET /planted/uncounted"),
        ("unseen-route", "GET /planted/{nobody_knows}"),
        ("budget", "GET /gone"),
    ] {
        assert!(broken.contains(&expected), "{expected:?} in {broken:?}");
    }
    assert_eq!(broken.len(), 9, "{broken:?}");
    let told = told(&findings);
    assert!(told.contains("`SELECT 'one product'` was sent"), "{told}");
}

#[tokio::test]
async fn a_waiver_needs_a_reason_and_something_to_waive() {
    let stages = Stages::set(plant).await;
    let (mut routes, _) = stages.routes();
    routes.retain(|route| ["/planted/lock", "/planted/twice"].contains(&route.template.as_str()));
    let (measured, _) = stages.measure(&routes).await;
    let judged = |lock: &str, twice: &str| {
        let budgets = format!("1 GET /planted/lock {lock}\n2 GET /planted/twice {twice}\n");
        let findings = judge(&measured, &budgets, &[]);
        let rules = findings.iter().map(|finding| finding.rule.name);
        rules.collect::<Vec<_>>()
    };
    assert_eq!(
        judged("# waive writes: the planted reason is long enough", ""),
        [""; 0]
    );
    assert_eq!(judged("", ""), ["writes"]);
    assert_eq!(judged("# waive writes:", ""), ["waiver"]);
    let needless = "# waive grows: the planted reason is long enough";
    assert_eq!(
        judged(
            "# waive writes: the planted reason is long enough",
            needless
        ),
        ["waiver"]
    );
}

/// The statements of real handlers are named with the place where they stand.
#[tokio::test]
async fn a_statement_is_named_by_the_file_and_line_where_it_stands() {
    let stages = Stages::set(|_| {}).await;
    let (mut routes, _) = stages.routes();
    routes.retain(|route| route.template == "/orders/{number}/payment/returned");
    let (measured, _) = stages.measure(&routes).await;
    let told = told(&judge(&measured, "", &all_queries()));
    assert!(
        told.contains("it writes or locks: the statement of crates/billing/src/db/payments.rs:"),
        "{told}"
    );
}
