use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::world::World;

/// The example that the libraries of Standard Webhooks check themselves with, on its day.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNED_AT: i64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;

async fn a_world_on_that_day() -> World {
    let day = chrono::DateTime::from_timestamp(SIGNED_AT, 0).unwrap();
    World::start_with(sandbox::Settings {
        clock: sandbox::Clock::from_fn(move || day),
        ..sandbox::Settings::default()
    })
    .await
}

impl World {
    fn message(&self, timestamp: i64, body: &'static str) -> reqwest::RequestBuilder {
        self.request(Method::POST, "/hooks")
            .header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
            .header("webhook-timestamp", timestamp)
            .header(
                "webhook-signature",
                "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            )
            .body(body)
    }
}

#[tokio::test]
async fn the_endpoint_shows_whether_a_message_is_signed() {
    let world = a_world_on_that_day().await;
    for (timestamp, body) in [
        (SIGNED_AT, BODY),
        (SIGNED_AT, r#"{"test": 2432232315}"#),
        (SIGNED_AT - 301, BODY),
    ] {
        let answer = world.message(timestamp, body).send().await.unwrap();
        assert_eq!(answer.status(), 204);
    }
    let messages = world.json("/hooks.json").await;
    assert_eq!(messages[0]["signed"], json!(null), "no secret yet");

    let form = [("secret", SECRET)];
    let entered = world.request(Method::POST, "/hooks/secret").form(&form);
    assert_eq!(entered.send().await.unwrap().status(), 200);
    let messages = world.json("/hooks.json").await;
    let signed: Vec<_> = messages.as_array().unwrap().iter().rev().collect();
    let signed: Vec<_> = signed.iter().map(|message| &message["signed"]).collect();
    assert_eq!(signed, [true, false, false]);
    let page = world.get("/hooks").await.text().await.unwrap();
    assert!(
        page.contains("verified") && page.contains("wrong"),
        "{page}"
    );
}

#[tokio::test]
async fn the_endpoint_can_be_slow_fail_and_hang() {
    let world = a_world_on_that_day().await;
    for (mode, answers) in [("slow", true), ("failing", true), ("hanging", false)] {
        world
            .behave("hooks", json!({ "mode": mode, "delay_ms": 1 }))
            .await;
        let message = world.message(SIGNED_AT, BODY);
        let message = message.timeout(Duration::from_millis(500)).send().await;
        assert_eq!(message.is_ok(), answers, "{mode}");
        if let Ok(answer) = message {
            assert_eq!(answer.status().is_success(), mode == "slow");
        }
    }
    let messages = world.json("/hooks.json").await;
    assert_eq!(messages.as_array().unwrap().len(), 1, "the slow one");
}
