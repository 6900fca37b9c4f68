//! What the sandbox is told and asked through its control page's JSON twins.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Shop;

/// Whom the sandbox plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partner {
    /// The payment provider's API.
    Payments,
    /// The mail server.
    Smtp,
}

/// How a partner behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Well.
    Normal,
    /// It does the work and answers so many milliseconds late.
    Slow(u32),
    /// It refuses and does nothing.
    Failing,
    /// It takes connections and never answers.
    Hanging,
}

/// Money that a customer was charged.
#[derive(Clone, Debug, Deserialize)]
pub struct Charge {
    /// The payment that it belongs to, in the provider's words.
    pub payment_intent: String,
    /// In minor units.
    pub amount: i64,
    /// How much of it was given back, in minor units.
    pub amount_refunded: i64,
}

impl Shop {
    /// Has a partner behave so from now on.
    pub async fn behave(&self, partner: Partner, manner: Manner) {
        let path = match partner {
            Partner::Payments => "payments",
            Partner::Smtp => "smtp",
        };
        let behaviour = match manner {
            Manner::Normal => json!({ "mode": "normal" }),
            Manner::Slow(delay) => json!({ "mode": "slow", "delay_ms": delay }),
            Manner::Failing => json!({ "mode": "failing" }),
            Manner::Hanging => json!({ "mode": "hanging" }),
        };
        let url = format!("{}/control/{path}", self.sandbox.public_url);
        let answer = self.client().post(url).json(&behaviour).send().await;
        let answer = answer.expect("a control page");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Where the sandbox receives webhooks as a customer's program does.
    #[must_use]
    pub fn hooks(&self) -> String {
        format!("{}/hooks", self.sandbox.public_url)
    }

    /// Every charge that the provider knows.
    pub async fn charges(&self) -> Vec<Charge> {
        let mut list = self.control("charges.json").await;
        serde_json::from_value(list["charges"].take()).expect("charges")
    }

    /// The provider's events with their deliveries.
    pub async fn provider_events(&self) -> Vec<Value> {
        let list = self.control("webhooks.json").await;
        list.as_array().expect("a list of events").clone()
    }

    /// Has the provider send an event by hand: `again`, `late` or `forged`. Gives the status that the shop answered,
    /// and after how many milliseconds.
    pub async fn resend_event(&self, event: &str, manner: &str) -> (Option<u64>, u64) {
        let url = format!(
            "{}/control/webhooks/{event}/{manner}",
            self.sandbox.public_url
        );
        let request = self.client().post(url).header("accept", "application/json");
        let attempt = request.json(&json!({})).send().await.expect("an attempt");
        let attempt: Value = attempt.json().await.expect("an attempt as JSON");
        let took = attempt["took_ms"].as_u64();
        (attempt["status"].as_u64(), took.expect("milliseconds"))
    }

    async fn control(&self, list: &str) -> Value {
        let url = format!("{}/control/{list}", self.sandbox.public_url);
        let answer = self.client().get(url).send().await.expect("the sandbox");
        answer.json().await.expect("a list")
    }
}
