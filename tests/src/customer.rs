//! A customer who uses a program instead of the pages.

use futures::{StreamExt as _, stream};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use server::testing::{Answer, Contract};

use crate::Shop;

/// What customers are called.
pub const NAME: &str = "Ann Lee";
/// What customers sign in with.
pub const PASSWORD: &str = "copper kettles sing at dawn";
/// What they buy.
pub const MUG: &str = "everyday-mug";

/// How many people sign in at once: a server with two cores hashes no more passwords at a time.
const HASHES: usize = 4;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Their address.
    pub email: String,
    access_token: String,
    /// What their program goes on with when the access token has run out.
    pub refresh_token: Value,
}

impl Customer {
    /// Signs up and in.
    pub async fn sign_up(shop: &Shop, email: &str) -> Self {
        let account = json!({ "email": email, "name": NAME, "password": PASSWORD });
        let (status, _) = call(shop, Method::POST, "/users", None, account).await;
        assert_eq!(status, 202);
        Self::sign_in(shop, email, PASSWORD).await
    }

    /// Signs in.
    pub async fn sign_in(shop: &Shop, email: &str, password: &str) -> Self {
        let credentials = json!({ "email": email, "password": password });
        let (status, pair) = call(shop, Method::POST, "/auth/token", None, credentials).await;
        assert_eq!(status, 200, "{pair}");
        Self {
            email: email.to_owned(),
            access_token: pair["access_token"].as_str().expect("a token").to_owned(),
            refresh_token: pair["refresh_token"].clone(),
        }
    }

    /// So many people who have signed up and in.
    pub async fn crowd(shop: &Shop, people: usize) -> Vec<Self> {
        let people = stream::iter(0..people);
        let signing_up = people.map(async |number| {
            Self::sign_up(shop, &format!("customer-{number}@example.com")).await
        });
        signing_up.buffer_unordered(HASHES).collect().await
    }

    /// What their program identifies itself with.
    #[must_use]
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Reads something that is there.
    pub async fn get(&self, shop: &Shop, path: &str) -> Value {
        let (status, body) = self.try_get(shop, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Asks for something to be done.
    pub async fn post(&self, shop: &Shop, path: &str, body: Value) -> (u16, Value) {
        call(shop, Method::POST, path, Some(&self.access_token), body).await
    }

    /// What is answered to somebody who reads.
    pub async fn try_get(&self, shop: &Shop, path: &str) -> (u16, Value) {
        call(
            shop,
            Method::GET,
            path,
            Some(&self.access_token),
            Value::Null,
        )
        .await
    }

    /// Takes something away.
    pub async fn delete(&self, shop: &Shop, path: &str) {
        let token = Some(self.access_token.as_str());
        let (status, body) = call(shop, Method::DELETE, path, token, Value::Null).await;
        assert!((200..300).contains(&status), "{path}: {status} {body}");
    }

    /// As [`Customer::post`], under an idempotency key. There may be no answer: the server may be gone.
    pub async fn try_post(
        &self,
        shop: &Shop,
        path: &str,
        body: &Value,
        key: &str,
    ) -> reqwest::Result<(u16, Value)> {
        let path = format!("/api/v1{path}");
        let request = shop
            .client()
            .post(shop.url(&path))
            .bearer_auth(&self.access_token)
            .header("idempotency-key", key)
            .json(body);
        read(shop, &Method::POST, &path, request.send().await?).await
    }

    /// Looks for mugs and puts two of them into the cart.
    pub async fn fill_cart(&self, shop: &Shop) -> Value {
        let found = self.get(shop, "/products?q=mug").await;
        let mut products = found["items"].as_array().expect("a list").iter();
        let mug = products
            .find(|product| product["slug"] == MUG)
            .expect("the catalogue has mugs");

        let line = json!({ "product_id": mug["id"], "quantity": 2 });
        let (status, cart) = self.post(shop, "/cart/lines", line).await;
        assert_eq!(status, 200, "{cart}");
        cart
    }

    /// What places an order of what is in `cart`.
    #[must_use]
    pub fn order(&self, cart: &Value) -> Value {
        json!({
            "email": self.email,
            "delivery": {
                "name": NAME,
                "street": "3 Hill Road",
                "postal_code": "10115",
                "city": "Berlin",
                "country": "DE",
            },
            "expected_total": cart["total"],
        })
    }

    /// Orders two mugs; gives the order's number.
    pub async fn order_two_mugs(&self, shop: &Shop) -> String {
        let cart = self.fill_cart(shop).await;
        let (status, order) = self.post(shop, "/orders", self.order(&cart)).await;
        assert_eq!(status, 201, "{order}");
        assert_eq!(order["total"]["minor"], 3_200);
        number(&order)
    }

    /// Asks for the page on which an order is paid.
    pub async fn start_payment(&self, shop: &Shop, order: &str) -> (u16, Value) {
        self.post(shop, &format!("/orders/{order}/payment"), Value::Null)
            .await
    }

    /// As [`Customer::start_payment`]: the answer as it came.
    pub async fn ask_to_pay(&self, shop: &Shop, order: &str) -> Response {
        let url = shop.url(&format!("/api/v1/orders/{order}/payment"));
        let asking = shop.client().post(url).bearer_auth(&self.access_token);
        asking.send().await.expect("an answer")
    }

    /// Pays an order at the provider.
    pub async fn pay(&self, shop: &Shop, order: &str) {
        let (status, checkout) = self.start_payment(shop, order).await;
        assert_eq!(status, 201, "{checkout}");
        let page = checkout["url"].as_str().expect("an address");
        let pay = shop.client().post(page).form(&[("outcome", "pay")]);
        let paid = pay.send().await.expect("the provider's page");
        assert!(paid.status().is_redirection(), "{}", paid.status());
    }

    /// An order's status.
    pub async fn status_of(&self, shop: &Shop, order: &str) -> String {
        let order = self.get(shop, &format!("/orders/{order}")).await;
        order["status"].as_str().expect("a status").to_owned()
    }
}

/// The number of an order that was answered.
#[must_use]
pub fn number(order: &Value) -> String {
    order["number"].to_string().trim_matches('"').to_owned()
}

/// Calls the API; gives the answer's status and its body, `null` where it has none.
pub async fn call(
    shop: &Shop,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Value,
) -> (u16, Value) {
    let path = format!("/api/v1{path}");
    let mut request = shop.client().request(method.clone(), shop.url(&path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.expect("an answer");
    let answer = read(shop, &method, &path, response).await;
    answer.expect("an answer that is complete")
}

/// What came back, which is as the API's description says.
async fn read(
    shop: &Shop,
    method: &Method,
    path: &str,
    response: Response,
) -> reqwest::Result<(u16, Value)> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).cloned();
    let body = response.bytes().await?;
    let answer = Answer {
        status,
        content_type: content_type
            .as_ref()
            .map_or("", |kind| kind.to_str().unwrap_or_default()),
        body: &body,
    };
    if shop.is_described {
        Contract::of_the_api().require(method.as_str(), path, answer);
    }
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}
