//! What people see while something that the shop depends on is slow, broken or gone: `docs/dependencies-down.md`.
//!
//! Everything here goes through the whole router, over wires that the tests slow down, silence and cut.

use std::time::Instant;

use platform::Platform;
use platform::db::{Db, DbSettings};
use platform::flags::Flags;
use platform::jobs::Outcome;
use platform::mail::Mailer;
use platform::outbound::Policy;
use platform::sessions::Sessions;
use platform::storage::{Storage, StorageSettings};
use platform::testing::{self, State as Wired, Wire};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::task::JoinHandle;
use users::testing::PASSWORD;

use super::*;
use crate::worker;

/// The shop behind wires, with Ann for a customer.
struct House {
    database: Wire,
    redis: Wire,
    app: App,
    router: Router,
    // Last: everybody is disconnected when it is dropped.
    platform: TestPlatform,
}

impl House {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// A house in which something on the platform is replaced.
    async fn open_with(change: impl FnOnce(&mut Platform)) -> Self {
        let subscriptions = worker::registry().subscriptions();
        let own = TestPlatform::start_with(&crate::migrations::all(), subscriptions).await;
        let (database, redis) = (own.database().wire().await, testing::redis_wire().await);
        let settings = DbSettings {
            url: own.database().url_over(&database),
            pool_size: 2,
            acquire_timeout: Duration::from_secs(1),
        };
        let db = Db::new(&settings).unwrap();
        let redis_over = testing::redis_over(&redis);
        let (clock, entropy) = (own.clock.clone(), own.entropy.clone());
        let mut platform = Platform {
            flags: Flags::new(db.clone(), clock.clone()),
            sessions: Sessions::new(redis_over.clone(), clock, entropy),
            redis: redis_over,
            db,
            ..(*own).clone()
        };
        change(&mut platform);
        let app = App::build(&Settings::for_tests(), platform).unwrap();
        app.users().a_customer("ann").await;
        Self {
            database,
            redis,
            router: router(app.clone()),
            app,
            platform: own,
        }
    }

    async fn send(&self, request: http::request::Builder, cookie: &str, body: Body) -> Answer {
        let request = request
            .header(header::COOKIE, cookie)
            .header("sec-fetch-site", "same-origin");
        let response = self.router.clone().oneshot(request.body(body).unwrap());
        Answer::read(response.await.unwrap()).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Request::get(path), cookie, Body::empty()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        let body = serde_urlencoded::to_string(form).unwrap();
        self.send(request, "", body.into()).await
    }

    async fn sign_in(&self) -> Answer {
        let form = [("email", "ann@example.com"), ("password", PASSWORD)];
        self.post("/sign-in", &form).await
    }

    /// The cookie of a browser in which Ann is signed in.
    async fn anns_cookie(&self) -> String {
        let answer = self.sign_in().await;
        let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap();
        assert!(cookie.starts_with("__Host-session="), "{}", answer.text());
        cookie.to_owned()
    }

    /// Waits until a page is shown. Whoever comes before is asked to come again, and never sees an error.
    async fn until_shown(&self, path: &str, cookie: &str) {
        let started = Instant::now();
        loop {
            let answer = self.get(path, cookie).await;
            if answer.status == StatusCode::OK {
                return;
            }
            assert_not_now(&answer, path);
            assert!(started.elapsed() < Duration::from_mins(1), "{path}");
        }
    }

    /// Runs what is due; how it ended, by kind.
    async fn work(&self) -> Vec<(String, Outcome)> {
        let reports = worker::runner(&self.app).run_due().await.unwrap();
        let ends = reports.into_iter().map(|run| (run.kind, run.outcome));
        ends.collect()
    }
}

fn assert_not_now(answer: &Answer, what: &str) {
    let text = answer.text();
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{what}: {text}"
    );
    assert!(answer.headers.contains_key(header::RETRY_AFTER), "{what}");
}

#[tokio::test]
async fn while_the_database_is_gone_or_silent_everybody_is_asked_to_come_again() {
    let house = House::open().await;
    let ann = house.anns_cookie().await;
    for state in [Wired::Cut, Wired::Silent] {
        house.until_shown("/products", "").await;
        house.database.set(state).await;
        for (path, cookie) in [
            ("/products", ""),
            ("/products", ann.as_str()),
            ("/account", ann.as_str()),
            ("/api/v1/products", ""),
        ] {
            let answer = house.get(path, cookie).await;
            assert_not_now(&answer, path);
        }
        assert_not_now(&house.sign_in().await, "sign in");
        assert_eq!(house.get("/livez", "").await.status, StatusCode::OK);
        house.database.set(Wired::Working).await;
        house.until_shown("/account", &ann).await;
    }
}

impl House {
    /// Asks for the shelves while somebody else has locked them: once that session waits, the request is in the middle of a
    /// statement.
    async fn ask_for_locked_shelves(&self) -> (JoinHandle<Answer>, PgConnection) {
        let url = self.platform.database().superuser_url();
        let mut locker = PgConnection::connect(url.as_str()).await.unwrap();
        locker
            .execute("BEGIN; LOCK TABLE orders.products")
            .await
            .unwrap();
        let router = self.router.clone();
        let asked = tokio::spawn(async move {
            let request = Request::get("/products").body(Body::empty());
            Answer::read(router.oneshot(request.unwrap()).await.unwrap()).await
        });
        let waiting = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = \
                       'orders.products'::regclass) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$";
        locker.execute(waiting).await.unwrap();
        (asked, locker)
    }
}

#[tokio::test]
async fn a_request_in_the_middle_of_a_statement_is_answered_within_two_seconds_of_silence() {
    let house = House::open().await;
    let (asked, _locker) = house.ask_for_locked_shelves().await;
    house.database.set(Wired::Silent).await;
    // With the clock paused, waiting takes exactly as long as it is meant to.
    tokio::time::pause();
    let silent_since = tokio::time::Instant::now();
    assert_not_now(&asked.await.unwrap(), "in the middle of a statement");
    let waited = silent_since.elapsed();
    assert!(waited <= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test]
async fn a_statement_that_takes_long_is_waited_for() {
    let house = House::open().await;
    let (asked, locker) = house.ask_for_locked_shelves().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    drop(locker);
    assert_eq!(asked.await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_slow_database_is_waited_for_and_a_pool_that_is_used_up_is_not() {
    let house = House::open().await;
    let slow = Wired::Slow(Duration::from_millis(50));
    house.database.set(slow).await;
    assert_eq!(house.get("/products", "").await.status, StatusCode::OK);

    let db = &house.app.platform().db;
    let _all = (db.acquire().await.unwrap(), db.acquire().await.unwrap());
    assert_not_now(&house.get("/products", "").await, "no connection");
}

#[tokio::test]
async fn a_database_that_restarts_costs_nobody_an_error() {
    let house = House::open().await;
    house.until_shown("/products", "").await;
    house.platform.database().end_sessions().await;
    house.until_shown("/products", "").await;
}

#[tokio::test]
async fn without_redis_public_pages_are_shown_and_the_rest_is_asked_to_come_again() {
    let house = House::open().await;
    let ann = house.anns_cookie().await;
    for state in [Wired::Cut, Wired::Silent] {
        house.redis.set(state).await;
        let public = house.get("/products", &ann).await;
        assert_eq!(public.status, StatusCode::OK, "{}", public.text());
        let private = house.get("/account", &ann).await;
        assert_not_now(&private, "account");
        assert!(
            !private.headers.contains_key(header::SET_COOKIE),
            "signed out"
        );
        assert_not_now(&house.sign_in().await, "sign in");
        house.redis.set(Wired::Working).await;
        house.until_shown("/account", &ann).await;
    }
}

#[tokio::test]
async fn a_slow_redis_is_left_alone_before_it_slows_the_shop_down() {
    let house = House::open().await;
    let ann = house.anns_cookie().await;
    let slow = Wired::Slow(platform::redis::DEADLINE * 3 / 4);
    house.redis.set(slow).await;
    // Its answers come in time and would do, until there were five slow ones.
    let mut answers = 0;
    while house.get("/account", &ann).await.status == StatusCode::OK {
        answers += 1;
        assert!(answers < 10, "Redis is still asked");
    }
    let public = house.get("/products", &ann).await;
    assert_eq!(public.status, StatusCode::OK);
}

/// A server that is broken, as far as HTTP is concerned.
pub(super) async fn a_broken_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let broken = Router::new().fallback(async || StatusCode::SERVICE_UNAVAILABLE);
    tokio::spawn(async move { axum::serve(listener, broken).await });
    address
}

#[tokio::test]
async fn without_storage_pages_are_shown_and_a_picture_cannot_be_uploaded_for_now() {
    let wire = Wire::to(a_broken_server().await).await;
    let endpoint = format!("s3://files?endpoint=http://{}", wire.address());
    let house = House::open_with(|platform| {
        let settings = StorageSettings {
            url: endpoint.parse().unwrap(),
            access_key_id: Some("id".to_owned()),
            secret_access_key: Some("secret".into()),
            public_url: "https://shop.example".parse().unwrap(),
            signing_key: "only tests sign with this secret!".into(),
        };
        let (outbound, clock) = (&platform.outbound, platform.clock.clone());
        platform.storage = Storage::connect(&settings, outbound, clock).unwrap();
    })
    .await;
    let ann = house.anns_cookie().await;
    // Broken, gone, too slow.
    for state in [Wired::Working, Wired::Cut, Wired::Silent] {
        wire.set(state).await;
        let picture = "--x\r\nContent-Disposition: form-data; name=\"avatar\"; filename=\"a.png\"\r\n\r\n\
                       \u{89}PNG\r\n\x1a\n rest\r\n--x--\r\n";
        let picture: Vec<u8> = picture.chars().map(|c| c as u8).collect();
        let kind = "multipart/form-data; boundary=x";
        let request = Request::post("/account/avatar").header(header::CONTENT_TYPE, kind);
        let answer = house.send(request, &ann, picture.into()).await;
        assert_not_now(&answer, "upload");
        for path in ["/account", "/account/avatar", "/products"] {
            let page = house.get(path, &ann).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_different_and_letters_come_later_and_once() {
    let sandbox = sandbox::start(sandbox::Settings::default()).await.unwrap();
    let wire = Wire::to(sandbox.smtp_addr.to_string()).await;
    let url = format!("smtp://{}", wire.address());
    let house = House::open_with(|platform| {
        let (letterhead, entropy) = (platform.letterhead.clone(), platform.entropy.clone());
        platform.mailer = Mailer::smtp(&url.into(), letterhead, entropy).unwrap();
    })
    .await;
    let control = |behaviour| ask(&house, &sandbox.public_url, "/control/smtp", behaviour);
    let pause = r#"{"mode":"slow","delay_ms":50}"#;
    for (name, state, mode, outcome) in [
        ("slow", Wired::Working, pause, Outcome::Done),
        (
            "broken",
            Wired::Working,
            r#"{"mode":"failing"}"#,
            Outcome::Retried,
        ),
        ("gone", Wired::Cut, r#"{"mode":"normal"}"#, Outcome::Retried),
        (
            "silent",
            Wired::Silent,
            r#"{"mode":"normal"}"#,
            Outcome::Retried,
        ),
    ] {
        control(mode).await;
        wire.set(state).await;
        let email = format!("{name}@example.com");
        let form = [("email", &*email), ("name", "Bo"), ("password", PASSWORD)];
        let answer = house.post("/sign-up", &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let runs = house.work().await;
        assert_eq!(
            runs,
            [("users.send_verification".to_owned(), outcome)],
            "{name}"
        );

        control(r#"{"mode":"normal"}"#).await;
        wire.set(Wired::Working).await;
        house.platform.clock.advance(chrono::TimeDelta::minutes(1));
        house.work().await;
        let inbox = format!("/inbox.json?to={email}");
        let letters = ask(&house, &sandbox.public_url, &inbox, "").await;
        assert_eq!(letters.as_array().unwrap().len(), 1, "{name}: {letters}");
    }
}

/// Asks the sandbox, or tells it something.
async fn ask(house: &House, sandbox: &str, path: &str, body: &'static str) -> serde_json::Value {
    let policy = Policy::for_partner(&sandbox.parse().unwrap());
    let outbound = &house.app.platform().outbound;
    let browser = outbound.dependency("browser", policy).unwrap();
    let method = if body.is_empty() { "GET" } else { "POST" };
    let request = Request::builder()
        .method(method)
        .uri(format!("{}{path}", sandbox.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json")
        .body(body.into());
    let answer = browser.send(request.unwrap()).await.unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}
