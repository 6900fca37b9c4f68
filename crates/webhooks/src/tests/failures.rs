use chrono::TimeDelta;
use platform::jobs::{Job as _, Worker, WorkerSettings};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{World, last_delivery};
use crate::testing::{Manner, Receiver};
use crate::{DeliveryStatus, EndpointStatus, EventKind, Outcome, TellOwner};

impl World {
    /// Makes one attempt after the other, each when it is due, until none waits; how many there were.
    async fn persist(&self) -> usize {
        let mut attempts = 0;
        while let Some(due) = self.delivery().await.next_attempt_at {
            let pause = due - self.platform.clock.now();
            self.platform.clock.advance(pause);
            self.work().await;
            attempts += 1;
        }
        attempts
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_after_growing_pauses_and_then_arrives() {
    let world = World::open().await;
    let start = world.platform.clock.now();
    world.receiver.behave(Manner::Answer(503, ""));
    world.notify().await;
    world.work().await;

    let delivery = world.delivery().await;
    assert_eq!(delivery.status, DeliveryStatus::Pending);
    assert_eq!(delivery.outcome, Some(Outcome::Answered(503)));
    let due = delivery.next_attempt_at.unwrap();
    assert!((TimeDelta::seconds(5)..TimeDelta::seconds(6)).contains(&(due - start)));
    assert_eq!(world.standing().await.failing_since, Some(start));

    world.receiver.behave(Manner::Answer(204, ""));
    assert_eq!(world.persist().await, 1);
    assert_eq!(world.delivery().await.status, DeliveryStatus::Delivered);
    assert_eq!(world.standing().await.failing_since, None);
}

#[tokio::test]
async fn an_endpoint_may_say_when_to_come_back() {
    let world = World::open().await;
    let start = world.platform.clock.now();
    world
        .receiver
        .behave(Manner::Answer(429, "retry-after: 3600\r\n"));
    world.notify().await;
    world.work().await;
    let due = world.delivery().await.next_attempt_at.unwrap();
    assert!(due - start >= TimeDelta::hours(1), "{due}");
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_for_three_days_is_switched_off_and_its_owner_is_told() {
    let world = World::open().await;
    world.receiver.behave(Manner::Answer(500, ""));
    world.notify().await;

    assert_eq!(world.persist().await, 10);

    assert_eq!(world.standing().await.status, EndpointStatus::Failing);
    let delivery = world.delivery().await;
    assert_eq!(
        (delivery.status, delivery.attempts),
        (DeliveryStatus::Failed, 10)
    );
    let [letter] = &world.platform.sent_mail()[..] else {
        panic!("one letter")
    };
    assert_eq!(letter.to.to_string(), "ann@example.com");
    let link = format!(
        "https://shop.example/account/webhooks/{}",
        world.endpoint.id
    );
    for body in [&letter.text, &letter.html] {
        for told in [
            "Hello Ann",
            world.receiver.url.as_str(),
            "three days",
            &link,
        ] {
            assert!(body.contains(told), "{told} in {body}");
        }
    }

    world.notify().await;
    assert!(world.waiting().await.is_empty(), "it is told nothing");
    world.receiver.behave(Manner::Answer(200, ""));
    let (user_id, id) = (world.endpoint.user_id, world.endpoint.id);
    world.webhooks.enable(user_id, id).await.unwrap();
    world.notify().await;
    world.work().await;
    assert_eq!(world.delivery().await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_at_once() {
    let world = World::open().await;
    world.receiver.behave(Manner::Answer(410, ""));
    world.notify().await;
    world.work().await;
    assert_eq!(world.standing().await.status, EndpointStatus::Gone);
    assert_eq!(world.delivery().await.status, DeliveryStatus::Failed);
    assert!(world.waiting().await.is_empty());
    assert!(world.platform.sent_mail()[0].text.contains("410 Gone"));
}

#[tokio::test]
async fn whoever_has_mended_their_endpoint_by_then_gets_no_letter() {
    let world = World::open().await;
    let job = TellOwner {
        user_id: world.endpoint.user_id,
        endpoint_id: world.endpoint.id,
    };
    let tell = async |run, job| {
        let webhooks = world.webhooks.clone();
        webhooks.tell_owner(run, job, Some(super::ann())).await
    };
    world.platform.run_job(tell, job).await.unwrap();
    assert!(world.platform.sent_mail().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_never_answers_costs_its_deadline() {
    let world = World::open().await;
    world.receiver.behave(Manner::Hang);
    world.notify().await;
    world.work().await;
    let delivery = world.delivery().await;
    assert_eq!(delivery.outcome, Some(Outcome::TimedOut));
    assert_eq!(delivery.status, DeliveryStatus::Pending);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let world = World::open().await;
    world.receiver.behave(Manner::Babble);
    world.notify().await;
    world.work().await;
    assert_eq!(world.delivery().await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_from_the_network_is_tried_again() {
    let world = World::open().await;
    let user_id = world.webhooks.a_user();
    // Nothing listens where nobody may.
    let endpoint = world
        .webhooks
        .an_endpoint(user_id, "http://127.0.0.1:1/")
        .await;
    let notice = world.webhooks.a_notice(user_id, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    world.work().await;
    let delivery = last_delivery(&world.webhooks, &endpoint).await;
    assert_eq!(delivery.outcome, Some(Outcome::Unreachable));
    assert_eq!(delivery.status, DeliveryStatus::Pending);
}

#[tokio::test]
async fn an_endpoint_that_fails_cuts_no_other_off() {
    let world = World::open().await;
    let failing = Receiver::start().await;
    failing.behave(Manner::Answer(500, ""));
    let bob = world.webhooks.a_user();
    world.webhooks.an_endpoint(bob, &failing.url).await;
    for _ in 0..30 {
        let notice = world.webhooks.a_notice(bob, EventKind::OrderPaid);
        world.webhooks.notify(notice).await;
    }
    world.work().await;
    assert_eq!(failing.received().len(), 30);
    world.notify().await;
    world.work().await;
    assert_eq!(world.delivery().await.status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_failing_endpoint_waits_behind_those_that_work() {
    let world = World::open().await;
    world.receiver.behave(Manner::Answer(500, ""));
    world.notify().await;
    world.work().await;
    let working = world.webhooks.a_user();
    world
        .webhooks
        .an_endpoint(working, &world.receiver.url)
        .await;
    let notice = world.webhooks.a_notice(working, EventKind::OrderPaid);
    world.webhooks.notify(notice).await;
    let jobs = world.platform.dump().await.remove("platform.jobs").unwrap();
    let mut waiting: Vec<_> = jobs.iter().filter(|job| job["state"] == "ready").collect();
    waiting.sort_by_key(|job| job["priority"].as_i64());
    let attempts: Vec<_> = waiting
        .iter()
        .map(|job| (job["priority"].as_i64(), job["payload"]["attempt"].as_i64()))
        .collect();
    assert_eq!(attempts, [(Some(-1), Some(2)), (Some(0), Some(1))]);
}

/// More of them than there are connections to the database: none is held while an endpoint is called.
#[tokio::test]
async fn endpoints_that_hang_hold_up_nobody_else() {
    let world = World::open().await;
    world.receiver.behave(Manner::Hang);
    for _ in 0..40 {
        world.notify().await;
    }
    let stop = CancellationToken::new();
    let runner = world.runner(&world.webhooks);
    let working = Worker::new(runner, WorkerSettings::default()).run(stop.clone());
    let working = tokio::spawn(working);
    until(async || world.receiver.connections() >= PLACES).await;

    let mut held_up = 0;
    loop {
        let hanging = world.receiver.connections();
        world.tell_owner_and_wait().await;
        // Nobody has taken a place that has become free: those who hang were hanging all the time.
        if hanging == world.receiver.connections() {
            break;
        }
        // Their deadline may have passed just then, or on a machine with much to do.
        held_up += 1;
        assert!(held_up < 4, "letters come when those who hang have ended");
    }
    stop.cancel();
    working.await.unwrap().unwrap();
}

/// How many endpoints are called at once.
const PLACES: usize = 8;

impl World {
    /// Has a worker run a job of another queue.
    async fn tell_owner_and_wait(&self) {
        let job = TellOwner {
            user_id: self.endpoint.user_id,
            endpoint_id: self.endpoint.id,
        };
        let mut tx = self.platform.db.begin().await.unwrap();
        self.platform.jobs.enqueue(&mut tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        let is_told = |job: &Value| job["kind"] != TellOwner::KIND || job["state"] == "done";
        until(async || {
            self.platform.dump().await["platform.jobs"]
                .iter()
                .all(is_told)
        })
        .await;
    }
}

async fn until(condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let minute = std::time::Duration::from_mins(1);
    tokio::time::timeout(minute, waiting)
        .await
        .expect("within a minute");
}
