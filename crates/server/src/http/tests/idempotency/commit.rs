//! Effect and answer commit together: whatever happens to the process, a repetition finds both or neither.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use chrono::TimeDelta;
use http::HeaderValue;
use tokio::sync::Notify;

use super::*;
use crate::http::api::ApiUser;
use crate::http::error::Result;
use crate::http::idempotency::{CLAIM, Once, by_header};

impl Program {
    /// Behind the layer that looks at keys, `routes` in place of the API.
    fn serve(&mut self, routes: Router<App>) {
        let app = self.server.app.clone();
        let routes = routes.layer(from_fn_with_state(app.clone(), by_header));
        self.server.router = layered(routes, app);
    }

    /// Sends a request and does not wait for its answer.
    fn begin(&self, request: Request) -> tokio::task::JoinHandle<Answer> {
        let router = self.server.router.clone();
        tokio::spawn(async move { Answer::read(router.oneshot(request).await.unwrap()).await })
    }

    fn let_claims_run_out(&self) {
        let lifetime = TimeDelta::from_std(CLAIM).unwrap();
        self.server.platform.clock.advance(lifetime);
    }
}

/// Stands still once the handler has answered, and never goes on: as a process that was killed just then.
async fn die_at_the_answer(died: Arc<Notify>, request: Request, next: Next) -> Response {
    let is_doomed = request.headers().contains_key("x-dies");
    let response = next.run(request).await;
    if is_doomed {
        died.notify_one();
        std::future::pending::<()>().await;
    }
    response
}

#[tokio::test]
async fn an_order_whose_process_died_before_it_answered_is_not_placed_again() {
    let mut program = Program::start().await;
    let died = Arc::new(Notify::new());
    let dying = {
        let died = Arc::clone(&died);
        from_fn(move |request, next| die_at_the_answer(Arc::clone(&died), request, next))
    };
    program.serve(api::operations().layer(dying));

    let body = program.order_of_a_mug().await;
    let mut first = program.post("/orders", "key-1", &body);
    first.headers_mut().insert("x-dies", "yes".parse().unwrap());
    let _lost = program.begin(first);
    died.notified().await;
    // Were it served anew, there would be something to order.
    let same = program.order_of_a_mug().await;
    assert_eq!(same, body);
    program.let_claims_run_out();

    let repeated = program.begin(program.post("/orders", "key-1", &body));
    let repeated = repeated.await.unwrap();
    assert_eq!(repeated.status, StatusCode::CREATED, "{}", repeated.text());
    assert_eq!(repeated.headers["idempotency-replayed"], "true");
    assert!(!repeated.header(header::LOCATION).is_empty());
    assert_eq!(program.orders().await, 1);
}

/// Where a handler waits for the test.
#[derive(Clone, Default)]
struct Steps {
    claimed: Arc<Notify>,
    placed: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Steps {
    async fn place(self, State(app): State<App>, user: ApiUser, once: Once) -> Result {
        self.claimed.notify_one();
        let orders = app.orders();
        let cart = orders.show_cart(&CartOwner::User(user.id())).await?;
        let command = ::orders::PlaceOrder {
            email: an_address("ann"),
            delivery: ::orders::testing::an_address(),
            expected_total: cart.total.unwrap(),
        };
        let mut tx = once.begin().await?;
        let order = orders.place_in_tx(&mut tx, user.id(), command).await?;
        self.placed.notify_one();
        self.go_on.notified().await;
        once.commit(tx, order.number.to_string()).await
    }
}

#[tokio::test]
async fn a_request_that_stood_still_past_its_claim_cannot_commit() {
    let mut program = Program::start().await;
    let steps = Steps::default();
    let handler = {
        let steps = steps.clone();
        post(move |app, user, once| steps.clone().place(app, user, once))
    };
    program.serve(Router::new().route("/api/v1/orders", handler));
    program.order_of_a_mug().await;
    let request = || program.post("/orders", "key-1", &json!({}));

    let frozen = program.begin(request());
    steps.placed.notified().await;
    steps.claimed.notified().await;
    program.let_claims_run_out();
    let second = program.begin(request());
    steps.claimed.notified().await;
    // The second waits for the cart, which the first holds.
    steps.go_on.notify_one();
    let frozen = frozen.await.unwrap();
    assert_eq!(frozen.status, StatusCode::CONFLICT, "{}", frozen.text());
    steps.go_on.notify_one();
    let second = second.await.unwrap();
    assert_eq!(second.status, StatusCode::OK, "{}", second.text());
    assert_eq!(program.orders().await, 1);
    let repeated = program.begin(request()).await.unwrap();
    assert_eq!(repeated.body, second.body);
}

#[tokio::test]
async fn a_request_that_was_cut_off_at_its_deadline_or_panicked_gives_its_key_back() {
    let mut program = Program::start().await;
    let arrived = Arc::new(Notify::new());
    let handler = {
        let arrived = Arc::clone(&arrived);
        post(async move |headers: HeaderMap| {
            arrived.notify_one();
            match headers.get("x-fate").map(HeaderValue::as_bytes) {
                Some(b"hang") => std::future::pending().await,
                Some(_) => panic!("a handler that panics"),
                None => "served",
            }
        })
    };
    program.serve(Router::new().route("/api/v1/fate", handler));
    let request = |fate: Option<&str>| {
        let mut request = program.post("/fate", "key-1", &json!({}));
        if let Some(fate) = fate {
            request
                .headers_mut()
                .insert("x-fate", fate.parse().unwrap());
        }
        request
    };

    let cut_off = program.begin(request(Some("hang")));
    arrived.notified().await;
    tokio::time::pause();
    tokio::time::advance(limits::DEADLINE).await;
    let cut_off = cut_off.await.unwrap();
    tokio::time::resume();
    assert_eq!(cut_off.status, StatusCode::SERVICE_UNAVAILABLE);
    program.key_was_given_back().await;

    let panicked = program.begin(request(Some("panic"))).await.unwrap();
    assert_eq!(panicked.status, StatusCode::INTERNAL_SERVER_ERROR);
    program.key_was_given_back().await;
    let served = program.begin(request(None)).await.unwrap();
    assert_eq!(served.text(), "served");
}

impl Program {
    /// Waits for what a request left to be done.
    async fn key_was_given_back(&self) {
        let tasks = self.server.app.tasks();
        tasks.close();
        tasks.wait().await;
        tasks.reopen();
    }
}
