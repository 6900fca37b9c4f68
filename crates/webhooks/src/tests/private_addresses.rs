//! What customers name is called at public addresses alone, however it came into the database.

use super::{World, last_delivery};
use crate::testing::{Manner, Receiver, settings};
use crate::{
    Description, EventKind, InvalidEndpointUrl, Outcome, Register, RegisterError, Subscription,
    Webhooks, WebhooksSettings,
};

impl World {
    /// The same module as production has it.
    fn in_production(&self) -> Webhooks {
        let strict = WebhooksSettings {
            allow_private_addresses: false,
            ..settings()
        };
        Webhooks::new(&self.platform, strict).unwrap()
    }
}

#[tokio::test]
async fn a_private_address_is_not_registered() {
    let world = World::open().await;
    let production = world.in_production();
    let user_id = production.a_user();
    for url in [
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://localhost/",
    ] {
        let command = Register {
            url: url.to_owned(),
            description: Description::default(),
            events: Subscription::All,
        };
        let registered = production.register(user_id, command).await;
        let why = InvalidEndpointUrl::NotPublic;
        assert!(
            matches!(registered, Err(RegisterError::InvalidUrl(refusal)) if refusal == why),
            "{url}"
        );
    }
    assert!(production.list(user_id).await.unwrap().is_empty());
}

/// The number as it stands, and a name that leads there although it looks like any other.
#[tokio::test]
async fn an_address_that_turns_out_to_be_private_is_not_connected_to() {
    let world = World::open().await;
    let production = world.in_production();
    let (_, port_and_path) = world.receiver.url.rsplit_once(':').unwrap();
    for url in [
        format!("https://127.0.0.1:{port_and_path}"),
        format!("https://localhost:{port_and_path}"),
    ] {
        let user_id = world.webhooks.a_user();
        let endpoint = world.webhooks.an_endpoint(user_id, &url).await;
        let notice = production.a_notice(user_id, EventKind::OrderPaid);
        production.notify(notice).await;
        world.work_as(&production).await;
        let outcome = last_delivery(&production, &endpoint).await.outcome;
        assert_eq!(outcome, Some(Outcome::AddressRefused), "{url}");
    }
    assert_eq!(world.receiver.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let world = World::open().await;
    let inside = Receiver::start().await;
    let location = format!("location: {}\r\n", inside.url);
    world.receiver.behave(Manner::Answer(307, location.leak()));
    let notice = world
        .webhooks
        .a_notice(world.endpoint.user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    world.work().await;
    let delivery = world.delivery().await;
    assert_eq!(delivery.outcome, Some(Outcome::Answered(307)));
    assert_eq!(inside.connections(), 0);
}
