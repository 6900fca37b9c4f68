//! Webhook endpoints, on pages and in the API.

use kernel::{EndpointId, PageRequest};
use serde_json::json;

use super::{Call, Scene};

const PAGES: &str = "/account/webhooks";
const API: &str = "/api/v1/webhook-endpoints";

impl Scene<'_> {
    /// The call of a route about endpoints that changes something.
    pub(super) async fn about_an_endpoint(&self, name: &str) -> Option<Call> {
        let (method, path) = name.split_once(' ')?;
        let root = [PAGES, API]
            .into_iter()
            .find(|root| path.starts_with(root))?;
        let Some(action) = path[root.len()..].strip_prefix("/{id}") else {
            let url = &self.world.receiver.url;
            let call = Call::post(root);
            return Some(if root == API {
                call.json(&json!({ "url": url }))
            } else {
                call.form(&[("url", url), ("description", "")])
            });
        };
        let (id, action) = if action.contains("{delivery_id}") {
            let (id, delivery) = self.delivered().await;
            (id, action.replace("{delivery_id}", &delivery))
        } else {
            (self.new_endpoint().await, action.to_owned())
        };
        let call = Call::new(method, format!("{root}/{id}{action}"));
        Some(if root == API { call } else { call.form(&[]) })
    }

    /// A new endpoint of the customer's. People may have a few only, so those of the calls before go.
    async fn new_endpoint(&self) -> EndpointId {
        let (webhooks, customer) = (self.world.app.webhooks(), self.customer.id);
        for endpoint in webhooks.list(customer).await.expect("endpoints") {
            if endpoint.id != self.things.endpoint {
                let removed = webhooks.remove(customer, endpoint.id).await;
                removed.expect("an endpoint that was there");
            }
        }
        let url = &self.world.receiver.url;
        webhooks.an_endpoint(customer, url).await.id
    }

    /// A message of the customer's that has arrived, and so may be sent again.
    async fn delivered(&self) -> (EndpointId, String) {
        let id = self.new_endpoint().await;
        let webhooks = self.world.app.webhooks();
        let test = webhooks.send_test(self.customer.id, id).await;
        test.expect("a test");
        self.world.work().await;
        let newest = PageRequest::default();
        let sent = webhooks
            .list_deliveries(self.customer.id, id, &newest)
            .await;
        let sent = sent.expect("deliveries").items;
        (id, sent.first().expect("a delivery").id.to_string())
    }
}
