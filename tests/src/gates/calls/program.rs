//! The operations of the API.

use serde_json::json;
use users::testing::PASSWORD;

use super::{Call, OTHER_PASSWORD, Scene};

impl Scene<'_> {
    pub(super) async fn in_a_program(&self, name: &str) -> Option<Call> {
        let (method, path) = name.split_once(' ')?;
        let operation = format!("{method} {}", path.strip_prefix("/api/v1")?);
        let call = Call::new(method, path);
        if let Some(call) = self.for_an_account(&operation, call.clone()).await {
            return Some(call);
        }
        if let Some(call) = self.for_an_order(&operation).await {
            return Some(call);
        }
        let whoever = self.whoever();
        Some(match operation.as_str() {
            "POST /cart/lines" => {
                let product = self.world.app.orders().a_product().await;
                call.json(&json!({ "product_id": product.id, "quantity": 1 }))
            }
            "PUT /cart/lines/{product_id}" | "DELETE /cart/lines/{product_id}" => {
                let line = self.world.line_of(whoever).await;
                let call = Call::new(method, format!("/api/v1/cart/lines/{line}"));
                if method == "PUT" {
                    call.json(&json!({ "quantity": 2 }))
                } else {
                    call
                }
            }
            "POST /orders" => {
                let total = self.world.fill_cart(whoever, 1).await.expected_total;
                call.json(&json!({
                    "email": whoever.email,
                    "delivery": {
                        "name": "Ann Lee",
                        "street": "1 Main Street",
                        "postal_code": "20457",
                        "city": "Hamburg",
                        "country": "DE",
                    },
                    "expected_total": { "minor": total.minor(), "currency": "EUR" },
                }))
            }
            "POST /refunds" => {
                let order = self.paid().await;
                let number = order.number.to_string().parse::<i64>().ok()?;
                call.json(&json!({ "order_number": number, "reason": "It arrived broken." }))
            }
            _ => return None,
        })
    }

    async fn for_an_account(&self, operation: &str, call: Call) -> Option<Call> {
        let whoever = self.whoever();
        Some(match operation {
            "POST /auth/token" => {
                call.json(&json!({ "email": whoever.email, "password": PASSWORD }))
            }
            "POST /auth/refresh" | "POST /auth/revoke" => {
                let token = self.world.refresh_token(whoever).await;
                call.json(&json!({ "refresh_token": token }))
            }
            "POST /users" => call.json(&json!({
                "email": self.new_email(),
                "name": "Ann Lee",
                "password": OTHER_PASSWORD,
            })),
            "POST /password-resets" => call.json(&json!({ "email": whoever.email })),
            "POST /email-verifications/finish" => {
                call.json(&json!({ "token": self.verification().await }))
            }
            "POST /password-resets/finish" => {
                let token = self.password_reset().await;
                call.json(&json!({ "token": token, "password": OTHER_PASSWORD }))
            }
            "POST /email-changes/finish" => {
                call.json(&json!({ "token": self.email_change().await }))
            }
            "PATCH /me" => call.json(&json!({ "name": "Ann Lee" })),
            "POST /me/password" | "PUT /me/password" => call.json(&json!({
                "current_password": PASSWORD,
                "new_password": OTHER_PASSWORD,
            })),
            "POST /me/email" => {
                call.json(&json!({ "new_email": self.new_email(), "password": PASSWORD }))
            }
            "POST /me/email/verification" | "DELETE /me/sessions" => call,
            "POST /me/avatar" => call.json(&json!({ "content_type": "image/png" })),
            "POST /me/avatar/{id}/finish" => {
                Call::post(format!("/api/v1/me/avatar/{}/finish", self.avatar().await))
            }
            "DELETE /me/sessions/{id}" => {
                let (_, id) = self.world.session(self.customer.id).await;
                Call::new("DELETE", format!("/api/v1/me/sessions/{id}"))
            }
            _ => return None,
        })
    }

    async fn for_an_order(&self, operation: &str) -> Option<Call> {
        let (method, action) = operation.split_once(" /orders/{number}/")?;
        let at =
            |number, action: &str| Call::new(method, format!("/api/v1/orders/{number}/{action}"));
        Some(match (method, action) {
            ("POST", "cancel" | "payment") => at(self.order().await.number, action),
            ("POST", "ship") => at(self.paid().await.number, action),
            ("POST", "complete") => {
                let order = self.paid().await;
                let staff = self.world.app.orders().a_staff_member();
                let shipped = self.world.app.orders().ship(staff, order.number).await;
                at(shipped.expect("a shipped order").number, action)
            }
            ("POST", "attachments") => {
                let body = json!({ "name": "a.png", "content_type": "image/png" });
                at(self.order().await.number, action).json(&body)
            }
            ("POST", "attachments/{id}/finish") => {
                let (order, id) = self.uploaded().await;
                at(order.number, &format!("attachments/{id}/finish"))
            }
            ("DELETE", "attachments/{id}") => {
                let (order, id) = self.attached().await;
                at(order.number, &format!("attachments/{id}"))
            }
            _ => return None,
        })
    }

    /// A new order of the customer's, paid for.
    async fn paid(&self) -> orders::Order {
        let order = self.order().await;
        self.world.pay(&order).await;
        order
    }
}
