//! A program that repeats a POST under the same key gets the same answer, and nothing happens twice.

use futures::future::join_all;
use kernel::UserId;
use orders::CartOwner;
use serde_json::{Value, json};
use users::testing::{PASSWORD, an_address};

use super::*;

mod commit;
mod operations;

struct Program {
    server: Server,
    token: String,
    user_id: UserId,
    owner: CartOwner,
    product: Value,
}

impl Program {
    async fn start() -> Self {
        let server = Server::start().await;
        let (users, orders) = (server.app.users(), server.app.orders());
        let user_id = users.a_customer("ann").await;
        let password = PASSWORD.into();
        let pair = users
            .issue_tokens(&an_address("ann"), &password)
            .await
            .unwrap();
        orders.seed_catalogue(kernel::Currency::Eur).await.unwrap();
        let product = orders.get_product("everyday-mug").await.unwrap().id;
        Self {
            token: secrecy::ExposeSecret::expose_secret(&pair.access_token).to_owned(),
            user_id,
            owner: CartOwner::User(user_id),
            product: json!(product),
            server,
        }
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> Request<Body> {
        Request::post(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()))
            .unwrap()
    }

    async fn add_to_cart(&self, key: &str, quantity: u32) -> Answer {
        let body = json!({"product_id": self.product, "quantity": quantity});
        self.server.send(self.post("/cart/lines", key, &body)).await
    }

    /// The request that orders a mug, which it puts into the cart.
    async fn order_of_a_mug(&self) -> Value {
        let orders = self.server.app.orders();
        let mug = orders.get_product("everyday-mug").await.unwrap();
        let command = orders.a_filled_cart(self.user_id, &mug, 1).await;
        let total = command.expected_total;
        json!({
            "email": "ann@example.com",
            "delivery": {
                "name": "Ann Lee", "street": "1 Main Street", "postal_code": "20457", "city": "Hamburg", "country": "DE",
            },
            "expected_total": {"minor": total.minor(), "currency": total.currency().code()},
        })
    }

    async fn orders(&self) -> usize {
        let page = kernel::PageRequest::default();
        let orders = self.server.app.orders();
        orders.list(self.user_id, &page).await.unwrap().items.len()
    }

    async fn in_cart(&self) -> u32 {
        self.server
            .app
            .orders()
            .count_cart(&self.owner)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_answer_with_new_tokens_is_never_kept() {
    let program = Program::start().await;
    let sign_in = async || {
        let body = json!({"email": an_address("ann"), "password": PASSWORD}).to_string();
        let request = Request::post("/api/v1/auth/token")
            .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "key-1");
        let request = request.body(Body::from(body)).unwrap();
        program.server.send(request).await
    };
    let (first, second) = (sign_in().await, sign_in().await);
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert!(!second.headers.contains_key("idempotency-replayed"));
    assert_ne!(first.body, second.body);
}

#[tokio::test]
async fn a_repetition_is_answered_as_before_and_does_nothing() {
    let program = Program::start().await;
    let first = program.add_to_cart("key-1", 2).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let second = program.add_to_cart("key-1", 2).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    assert_eq!(
        second.headers[header::CONTENT_TYPE],
        first.headers[header::CONTENT_TYPE]
    );
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(program.in_cart().await, 2);
    program.add_to_cart("key-2", 2).await;
    assert_eq!(program.in_cart().await, 4);
}

#[tokio::test]
async fn fifty_at_once_are_one_order_and_a_repetition_gets_its_answer() {
    let program = Program::start().await;
    let body = program.order_of_a_mug().await;
    let place = || program.server.send(program.post("/orders", "key-1", &body));
    let answers = join_all((0..50).map(|_| place())).await;
    let repeated = place().await;
    assert_eq!(repeated.status, StatusCode::CREATED, "{}", repeated.text());
    let number = &serde_json::from_slice::<Value>(&repeated.body).unwrap()["number"];
    let location = format!("/api/v1/orders/{number}");
    assert_eq!(repeated.header(header::LOCATION), location);
    for answer in &answers {
        if answer.status == StatusCode::CONFLICT {
            assert!(answer.text().contains("request_in_progress"));
            assert_eq!(answer.header(header::RETRY_AFTER), "2");
        } else {
            assert_eq!(answer.status, repeated.status, "{}", answer.text());
            assert_eq!(answer.body, repeated.body);
            assert_eq!(answer.header(header::LOCATION), location);
        }
    }
    assert_eq!(program.orders().await, 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let program = Program::start().await;
    program.add_to_cart("key-1", 1).await;
    let other = program.add_to_cart("key-1", 3).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        other.text().contains("idempotency_key_reused"),
        "{}",
        other.text()
    );
    assert_eq!(program.in_cart().await, 1);
    let empty = program.add_to_cart("", 1).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_was_refused_can_be_put_right_under_the_same_key() {
    let program = Program::start().await;
    assert_eq!(
        program.add_to_cart("key-1", 0).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(program.add_to_cart("key-1", 1).await.status, StatusCode::OK);
    assert_eq!(program.in_cart().await, 1);
}
