//! The forms and scripts of the pages.

use orders::testing::A_PNG;
use serde_json::json;
use users::testing::PASSWORD;

use super::super::world::PICTURE;
use super::{Call, OTHER_PASSWORD, Scene};

impl Scene<'_> {
    pub(super) async fn in_a_browser(&self, name: &str) -> Option<Call> {
        if let Some(call) = self.about_an_account(name).await {
            return Some(call);
        }
        if let Some(call) = self.about_an_order(name).await {
            return Some(call);
        }
        Some(match name {
            "POST /cart/lines" => {
                let form = [("slug", &*self.things.product.slug), ("quantity", "1")];
                Call::post("/cart/lines").form(&form)
            }
            "POST /cart/lines/{product_id}" => {
                let line = self.world.line_of(self.whoever()).await;
                Call::post(format!("/cart/lines/{line}")).form(&[("quantity", "2")])
            }
            "POST /checkout" => {
                let order = self.world.fill_cart(self.whoever(), 1).await;
                let total = order.expected_total.minor().to_string();
                let form = [
                    ("email", &*self.whoever().email),
                    ("name", "Ann Lee"),
                    ("street", "1 Main Street"),
                    ("postal_code", "20457"),
                    ("city", "Hamburg"),
                    ("country", "DE"),
                    ("total", &total),
                    ("currency", "EUR"),
                    ("idempotency_key", &self.world.new_name()),
                ];
                Call::post("/checkout").form(&form)
            }
            _ => return None,
        })
    }

    async fn about_an_account(&self, name: &str) -> Option<Call> {
        let path = name.strip_prefix("POST ")?;
        let (call, whoever) = (Call::post(path), self.whoever());
        Some(match path {
            "/sign-up" => call.form(&[
                ("name", "Ann Lee"),
                ("email", &self.new_email()),
                ("password", OTHER_PASSWORD),
            ]),
            "/sign-in" => call.form(&[
                ("email", &whoever.email),
                ("password", PASSWORD),
                ("next", "/account"),
            ]),
            "/sign-out" | "/account/verification" | "/account/sessions/end-others" => {
                call.form(&[])
            }
            "/verify-email" => call.form(&[("token", &self.verification().await)]),
            "/forgot-password" => call.form(&[("email", &whoever.email)]),
            "/reset-password" => {
                let token = self.password_reset().await;
                call.form(&[("token", &token), ("password", OTHER_PASSWORD)])
            }
            "/confirm-email" => call.form(&[("token", &self.email_change().await)]),
            "/account/profile" => call.form(&[("name", "Ann Lee")]),
            "/account/password" => call.form(&[
                ("current_password", PASSWORD),
                ("new_password", OTHER_PASSWORD),
            ]),
            "/account/email" => call.form(&[("email", &self.new_email()), ("password", PASSWORD)]),
            "/account/avatar" => call.file("avatar", PICTURE),
            "/account/avatar/uploads" => call.json(&json!({ "content_type": "image/png" })),
            "/account/avatar/uploads/{id}/finish" => {
                let id = self.avatar().await;
                Call::post(format!("/account/avatar/uploads/{id}/finish")).json(&json!({}))
            }
            "/account/sessions/{id}/end" => {
                let (_, id) = self.world.session(self.customer.id).await;
                Call::post(format!("/account/sessions/{id}/end")).form(&[])
            }
            _ => return None,
        })
    }

    async fn about_an_order(&self, name: &str) -> Option<Call> {
        let action = name.strip_prefix("POST /orders/{number}/")?;
        let at = |number, action: &str| Call::post(format!("/orders/{number}/{action}"));
        Some(match action {
            "cancel" | "pay" => at(self.order().await.number, action).form(&[]),
            "attachments" => at(self.order().await.number, action).file("file", A_PNG),
            "attachments/{id}/remove" => {
                let (order, id) = self.attached().await;
                at(order.number, &format!("attachments/{id}/remove")).form(&[])
            }
            "attachments/uploads" => {
                let body = json!({ "name": "a.png", "content_type": "image/png" });
                at(self.order().await.number, action).json(&body)
            }
            "attachments/uploads/{id}/finish" => {
                let (order, id) = self.uploaded().await;
                let finish = format!("attachments/uploads/{id}/finish");
                at(order.number, &finish).json(&json!({}))
            }
            _ => return None,
        })
    }
}
