use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;

use super::*;
use crate::Platform;
use crate::jobs::{JobError, JobResult, JobRun, Outcome, Registry, Runner, Timing};
use crate::testing::TestPlatform;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Painted {
    colour: String,
}

impl Event for Painted {
    const NAME: &'static str = "fence.painted";
}

#[derive(Clone)]
struct App {
    platform: Platform,
    is_dry: Arc<AtomicBool>,
}

fn registry() -> Registry<App> {
    Registry::new()
        .reaction(
            "neighbour.admire",
            async |_, run: JobRun, _: Envelope<Painted>| run.complete_alone().await,
        )
        .reaction("neighbour.touch", touch)
}

async fn touch(app: App, run: JobRun, _: Envelope<Painted>) -> JobResult {
    if !app.is_dry.load(Ordering::SeqCst) {
        return Err(JobError::Retry(anyhow::anyhow!("it is still wet")));
    }
    run.complete_alone().await
}

async fn paint(platform: &Platform, times: usize) {
    let event = &Painted {
        colour: "green".to_owned(),
    };
    let envelope = Envelope {
        id: EventId::generate(&platform.clock, &platform.entropy),
        occurred_at: platform.clock.now(),
        event,
    };
    for _ in 0..times {
        let mut tx = platform.db.begin().await.unwrap();
        platform.events.deliver(&mut tx, &envelope).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn an_event_that_is_delivered_twice_is_one_job_for_each_reaction() {
    let platform = TestPlatform::start_with(&[], registry().subscriptions()).await;
    paint(&platform, 3).await;
    let mut waiting = platform.jobs_waiting().await;
    waiting.sort_by(|(one, _), (other, _)| one.cmp(other));
    let kinds: Vec<_> = waiting.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["neighbour.admire", "neighbour.touch"]);
}

#[tokio::test]
async fn a_reaction_that_fails_is_tried_again_alone() {
    let platform = TestPlatform::start_with(&[], registry().subscriptions()).await;
    let app = App {
        platform: (*platform).clone(),
        is_dry: Arc::default(),
    };
    let (clock, entropy) = (platform.clock.clone(), platform.entropy.clone());
    let db = app.platform.db.clone();
    let runner = Runner::new(
        app.clone(),
        registry(),
        db,
        clock,
        entropy,
        Timing::default(),
    );
    let run = async || {
        let mut ended: Vec<_> = runner.run_due().await.unwrap();
        ended.sort_by(|one, other| one.kind.cmp(&other.kind));
        let ended = ended
            .into_iter()
            .map(|report| (report.kind, report.outcome));
        ended.collect::<Vec<_>>()
    };
    let admired = ("neighbour.admire".to_owned(), Outcome::Done);
    let touch = |outcome| ("neighbour.touch".to_owned(), outcome);

    paint(&platform, 1).await;
    assert_eq!(run().await, [admired, touch(Outcome::Retried)]);
    app.is_dry.store(true, Ordering::SeqCst);
    platform.clock.advance(TimeDelta::hours(1));
    assert_eq!(run().await, [touch(Outcome::Done)]);
}
