//! A customer who uses a program instead of the pages.

use http::Method;
use serde_json::{Value, json};
use tests::Shop;

use super::{MUG, NAME, PASSWORD};

pub(super) struct Customer {
    pub(super) email: &'static str,
    access_token: String,
    pub(super) refresh_token: Value,
}

impl Customer {
    /// Signs up and in.
    pub(super) async fn sign_up(shop: &Shop, email: &'static str) -> Self {
        let account = json!({ "email": email, "name": NAME, "password": PASSWORD });
        let (status, _) = call(shop, Method::POST, "/users", None, account).await;
        assert_eq!(status, 202);
        let credentials = json!({ "email": email, "password": PASSWORD });
        let (status, pair) = call(shop, Method::POST, "/auth/token", None, credentials).await;
        assert_eq!(status, 200, "{pair}");
        Self {
            email,
            access_token: pair["access_token"].as_str().unwrap().to_owned(),
            refresh_token: pair["refresh_token"].clone(),
        }
    }

    pub(super) async fn get(&self, shop: &Shop, path: &str) -> Value {
        let token = Some(self.access_token.as_str());
        let (status, body) = call(shop, Method::GET, path, token, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(super) async fn post(&self, shop: &Shop, path: &str, body: Value) -> (u16, Value) {
        call(shop, Method::POST, path, Some(&self.access_token), body).await
    }

    /// Looks for mugs and puts two of them into the cart.
    pub(super) async fn fill_cart(&self, shop: &Shop) -> Value {
        let found = self.get(shop, "/products?q=mug").await;
        let mut products = found["items"].as_array().unwrap().iter();
        let mug = products.find(|product| product["slug"] == MUG).unwrap();

        let line = json!({ "product_id": mug["id"], "quantity": 2 });
        let (status, cart) = self.post(shop, "/cart/lines", line).await;
        assert_eq!(status, 200, "{cart}");
        cart
    }

    /// Orders two mugs; gives the order's number.
    pub(super) async fn order_two_mugs(&self, shop: &Shop) -> String {
        let cart = self.fill_cart(shop).await;
        let order = json!({
            "email": self.email,
            "delivery": {
                "name": NAME,
                "street": "3 Hill Road",
                "postal_code": "10115",
                "city": "Berlin",
                "country": "DE",
            },
            "expected_total": cart["total"],
        });
        let (status, order) = self.post(shop, "/orders", order).await;
        assert_eq!(status, 201, "{order}");
        assert_eq!(order["total"]["minor"], 3_200);
        order["number"].to_string().trim_matches('"').to_owned()
    }
}

/// Calls the API; gives the answer's status and its body, `null` where it has none.
pub(super) async fn call(
    shop: &Shop,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Value,
) -> (u16, Value) {
    let url = shop.url(&format!("/api/v1{path}"));
    let mut request = shop.client().request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}
