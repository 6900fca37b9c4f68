//! What `/healthz` says, and to whom.

use std::collections::BTreeSet;
use std::fs;

use kernel::Role;
use platform::Platform;
use platform::sessions::{NewSession, SessionLimits, Sessions};
use platform::storage::{Storage, StorageSettings};
use platform::testing::{self, State as Wired, Wire};
use serde_json::{Value, json};

use super::*;

/// A shop whose Redis can be taken away.
async fn open() -> (TestPlatform, Wire, App) {
    let own = TestPlatform::start(&crate::migrations::all()).await;
    let wire = testing::redis_wire().await;
    let redis = testing::redis_over(&wire);
    let (clock, entropy) = (own.clock.clone(), own.entropy.clone());
    let platform = Platform {
        sessions: Sessions::new(redis.clone(), clock, entropy),
        redis,
        ..(*own).clone()
    };
    let app = App::build(&Settings::for_tests(), platform).unwrap();
    (own, wire, app)
}

/// The answer to somebody with this role.
async fn ask(app: &App, role: Role) -> Answer {
    let user_id = app.users().a_person(role.as_str(), role).await;
    let session = NewSession {
        user_id,
        generation: 1,
        limits: SessionLimits::STAFF,
        user_agent: String::new(),
        network: String::new(),
    };
    let (token, _) = app.platform().sessions.create(session).await.unwrap();
    let cookie = format!("__Host-session={}", token.reveal());
    let request = Request::get("/healthz").header(header::COOKIE, cookie);
    let request = request.body(Body::empty()).unwrap();
    Answer::read(router(app.clone()).oneshot(request).await.unwrap()).await
}

async fn ask_on_the_private_port(app: &App) -> Value {
    let request = Request::get("/healthz").body(Body::empty()).unwrap();
    let answer = private_router(app.clone()).oneshot(request).await.unwrap();
    serde_json::from_slice(&Answer::read(answer).await.body).unwrap()
}

fn dependency<'a>(report: &'a Value, name: &str) -> &'a Value {
    let dependencies = report["dependencies"].as_array().unwrap();
    let mut found = dependencies.iter().filter(|it| it["name"] == name);
    found
        .next()
        .unwrap_or_else(|| panic!("no {name}: {report}"))
}

#[tokio::test]
async fn staff_see_what_is_reached_and_what_is_not() {
    let (own, redis, app) = open().await;
    assert_eq!(
        ask(&app, Role::Customer).await.status,
        StatusCode::NOT_FOUND
    );
    let answer = ask(&app, Role::Support).await;
    let report: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(report["migrations"], "complete");
    assert_eq!(report["pool"]["most"], 5);
    for name in ["postgresql", "redis"] {
        let dependency = dependency(&report, name);
        assert_eq!(dependency["works"], true, "{report}");
        assert!(dependency["ms"].as_f64().unwrap() > 0.0, "{report}");
    }
    // Nobody has called it yet.
    let payments = dependency(&report, "payments");
    assert_eq!(
        (&payments["works"], &payments["breaker"]),
        (&Value::Null, &json!("closed"))
    );

    redis.set(Wired::Cut).await;
    own.database().set_reachable(false).await;
    for _ in 0..5 {
        ask_on_the_private_port(&app).await;
    }
    let report = ask_on_the_private_port(&app).await;
    for (name, breaker) in [("postgresql", Value::Null), ("redis", json!("open"))] {
        let dependency = dependency(&report, name);
        assert_eq!(dependency["works"], false, "{report}");
        assert_eq!(dependency["breaker"], breaker, "{report}");
    }
    assert_ne!(report["migrations"], "complete");
}

/// Its rows are those of the dependencies in the code; the error tracker alone has a thread of its own and no guard.
#[tokio::test]
async fn everything_that_the_shop_depends_on_is_in_the_report() {
    let (_own, _redis, app) = open().await;
    let platform = app.platform();
    let bucket = StorageSettings {
        url: "s3://files".parse().unwrap(),
        access_key_id: Some("id".to_owned()),
        secret_access_key: Some("secret".into()),
        public_url: "https://shop.example".parse().unwrap(),
        signing_key: "only tests sign with this secret!".into(),
    };
    // The test's own storage is in memory, and calls nobody.
    let _bucket = Storage::connect(&bucket, &platform.outbound, platform.clock.clone()).unwrap();
    let report = ask_on_the_private_port(&app).await;
    let reported = report["dependencies"].as_array().unwrap().iter();
    let reported: BTreeSet<_> = reported.map(|it| it["name"].as_str().unwrap()).collect();

    let document = fs::read_to_string("../../docs/dependencies-down.md").unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.map(|line| line.split('`').next().unwrap());
    let documented: BTreeSet<_> = rows.filter(|name| *name != "sentry").collect();
    assert_eq!(reported, documented);
}
