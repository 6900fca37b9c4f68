use std::fs;

use axum::Router;
use axum::extract::Path;
use axum::routing::{any, get};
use http::StatusCode;
use tests::gates::access::{call, compare, read};
use tests::gates::routes::{self, Port, Route};
use tests::gates::world::World;

use super::{broken, kept, told};

fn table() -> Vec<tests::gates::access::Row> {
    read(&fs::read_to_string("../docs/access.md").unwrap())
}

/// What is served on both ports.
fn all_routes(world: &World) -> (Vec<Route>, Vec<tests::gates::Finding>) {
    let (mut all, mut findings) = routes::read(Port::Public, world.router(Port::Public));
    let (private, more) = routes::read(Port::Private, world.router(Port::Private));
    all.extend(private);
    findings.extend(more);
    (all, findings)
}

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let world = World::open().await;
    let table = table();
    let (routes, mut findings) = all_routes(&world);
    assert!(routes.len() > 90, "only {} routes were found", routes.len());
    findings.extend(compare(&table, &routes));
    let called = call(&world, &table).await;
    findings.extend(called.findings);
    let kept = kept("access.md", &called.rows);
    let told = told(&findings);
    assert!(
        findings.is_empty(),
        "{told}\n\nWhat was answered stands in {kept}."
    );
}

#[tokio::test]
async fn a_route_without_a_row_is_refused_wherever_it_was_registered() {
    let world = World::open().await;
    let planted = || get(async || "planted").post(async || "planted");
    let nested = Router::new().route("/deep/{id}", planted());
    let router = world.router(Port::Public).clone();
    let router = router.route("/planted", planted()).nest("/nested", nested);
    let (served, opaque) = routes::read(Port::Public, &router);
    assert!(opaque.is_empty(), "{}", told(&opaque));

    let findings = compare(&table(), &served);
    let broken = broken(&findings);
    for place in [
        "GET /planted",
        "POST /planted",
        "GET /nested/deep/{id}",
        "POST /nested/deep/{id}",
    ] {
        assert!(broken.contains(&("undeclared-route", place)), "{broken:?}");
    }
    let told = told(&findings);
    assert!(
        told.contains("Write a row for it into docs/access.md"),
        "{told}"
    );
}

#[tokio::test]
async fn a_row_whose_route_is_gone_is_refused() {
    let world = World::open().await;
    let (mut routes, _) = all_routes(&world);
    routes.retain(|route| route.template != "/cart" && route.template != "/metrics");
    let findings = compare(&table(), &routes);
    assert_eq!(
        broken(&findings),
        [("stale-row", "GET /cart"), ("stale-row", "GET /metrics")]
    );
}

#[test]
fn what_hides_its_methods_is_refused() {
    let planted = any(async || "planted");
    let service = Router::<()>::new().route("/", get(async || "inner"));
    let router: Router = Router::new()
        .route("/any", planted)
        .nest_service("/service", service.clone())
        .fallback_service(service);
    let (_, findings) = routes::read(Port::Public, &router.route("/", get(async || "seen")));
    let places: Vec<_> = broken(&findings)
        .into_iter()
        .map(|(_, place)| place)
        .collect();
    assert!(
        places.contains(&"/any") && places.contains(&"/service"),
        "{places:?}"
    );
    assert!(places.contains(&"the fallback"), "{places:?}");
}

#[tokio::test]
async fn a_handler_that_forgets_whose_order_it_is_is_refused() {
    let mut world = World::open().await;
    let shows_all = async |Path(number): Path<u64>| (StatusCode::OK, number.to_string());
    let real = world.router(Port::Public).clone();
    let forgetful = Router::new().route("/orders/{number}", get(shows_all));
    world.serve(forgetful.fallback_service(real));

    let mut rows = table();
    rows.retain(|row| ["GET /orders/{number}", "GET /orders"].contains(&row.title().as_str()));
    let findings = call(&world, &rows).await.findings;
    let whats: Vec<_> = findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(
        whats,
        [
            "anonymous is answered 200, and docs/access.md says sign in",
            "another customer is answered 200, and docs/access.md says 404",
            "support is answered 200, and docs/access.md says 404",
            "finance is answered 200, and docs/access.md says 404",
            "admin is answered 200, and docs/access.md says 404",
        ]
    );
    assert!(
        findings
            .iter()
            .all(|finding| finding.place == "GET /orders/{number}")
    );
}
