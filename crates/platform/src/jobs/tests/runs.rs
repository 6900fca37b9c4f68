use chrono::TimeDelta;

use super::*;

#[tokio::test]
async fn a_job_exists_if_and_only_if_its_transaction_committed() {
    let shop = Shop::start().await;
    let job = Work {
        number: 1,
        does: Does::Succeed,
    };
    let mut tx = shop.platform.db.begin().await.unwrap();
    shop.jobs().enqueue(&mut tx, &job).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(shop.rows().await.is_empty());
    shop.work(2, Does::Succeed).await;
    assert_eq!(shop.row().await, ("ready".into(), 0, 0));
}

#[tokio::test]
async fn a_failed_run_is_put_off_by_growing_pauses_that_stand_in_the_row() {
    let shop = Shop::start().await;
    shop.work(1, Does::Fail).await;
    for attempt in 1..=4_i16 {
        // Another runner each time: what is known stands in the database.
        let runner = shop.runner(Timing::default());
        let [report] = &runner.run_due().await.unwrap()[..] else {
            panic!("a run was due")
        };
        let last = attempt == 4;
        let outcome = if last {
            Outcome::Dead
        } else {
            Outcome::Retried
        };
        assert_eq!(report.outcome, outcome);
        let state = if last { "dead" } else { "ready" };
        assert_eq!(shop.row().await, (state.into(), attempt, 0));

        let shortest = TimeDelta::seconds(2_i64.pow(attempt.unsigned_abs().into()) / 2);
        shop.clock.advance(shortest - TimeDelta::milliseconds(1));
        assert!(runner.run_due().await.unwrap().is_empty(), "too soon");
        shop.clock.advance(shortest + TimeDelta::milliseconds(1));
    }
    assert!(shop.worked().await.is_empty());
}

#[tokio::test]
async fn a_run_that_panics_is_tried_again() {
    let shop = Shop::start().await;
    shop.work(1, Does::Panic).await;
    let reports = shop.runner(Timing::default()).run_due().await.unwrap();
    assert_eq!(reports[0].outcome, Outcome::Retried);
    assert_eq!(reports[0].error.as_deref(), Some("panicked: oh no"));
    assert_eq!(shop.row().await, ("ready".into(), 1, 0));
}

#[tokio::test]
async fn a_run_that_hangs_gives_its_place_back() {
    let shop = Shop::start().await;
    shop.work(1, Does::Wait).await;
    let timing = Timing {
        longest_run: Duration::from_millis(50),
        ..Timing::default()
    };
    let reports = shop.runner(timing).run_due().await.unwrap();
    assert_eq!(reports[0].error.as_deref(), Some("the run did not end"));
    assert_eq!(shop.row().await, ("ready".into(), 1, 0));
}

#[tokio::test]
async fn what_no_repetition_can_help_is_dead_at_once_until_a_person_retries_or_discards_it() {
    let shop = Shop::start().await;
    shop.work(1, Does::Give).await;
    let runner = shop.runner(Timing::default());
    runner.run_due().await.unwrap();
    let jobs = shop.jobs();

    let mut tx = shop.platform.db.begin().await.unwrap();
    let dead = jobs.list_dead(&mut tx, 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].kind.as_str(), dead[0].error.as_str()),
        (Work::KIND, "not ever")
    );
    assert!(jobs.retry_dead(&mut tx, dead[0].id).await.unwrap());
    assert!(!jobs.retry_dead(&mut tx, dead[0].id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(shop.row().await, ("ready".into(), 0, 0));

    runner.run_due().await.unwrap();
    assert_eq!(shop.row().await, ("dead".into(), 1, 0));
    let mut tx = shop.platform.db.begin().await.unwrap();
    assert!(jobs.discard_dead(&mut tx, dead[0].id).await.unwrap());
    assert!(!jobs.discard_dead(&mut tx, dead[0].id).await.unwrap());
    tx.commit().await.unwrap();
    assert!(shop.rows().await.is_empty());
}

#[tokio::test]
async fn of_a_thousand_racing_enqueues_with_one_key_one_stays() {
    let shop = Shop::start().await;
    let enqueue = async |number| {
        let mut tx = shop.platform.db.begin().await.unwrap();
        let job = Work {
            number,
            does: Does::Succeed,
        };
        let once = Enqueue {
            unique_key: Some("key".into()),
            ..Enqueue::default()
        };
        shop.jobs().enqueue_with(&mut tx, &job, once).await.unwrap();
        // The caller's own write still commits.
        let written = Worked { number };
        shop.platform
            .events
            .publish(&mut tx, &written)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    futures::future::join_all((0..1_000).map(enqueue)).await;
    assert_eq!(shop.rows().await.len(), 1);
    assert_eq!(shop.worked().await.len(), 1_000);
}

#[tokio::test]
async fn what_matters_more_runs_first_and_what_is_due_later_runs_later() {
    let shop = Shop::start().await;
    for (number, priority, delay) in [(1, 0, 0), (2, 5, 0), (3, 9, 60), (4, 4, 0)] {
        let how = Enqueue {
            priority,
            run_at: Some(shop.clock.now() + TimeDelta::seconds(delay)),
            ..Enqueue::default()
        };
        let does = Does::Succeed;
        shop.enqueue(&Work { number, does }, how).await;
    }
    let runner = shop.runner(Timing::default());
    runner.run_due().await.unwrap();
    assert_eq!(shop.worked().await, [2, 4, 1]);
    shop.clock.advance(TimeDelta::seconds(60));
    runner.run_due().await.unwrap();
    assert_eq!(shop.worked().await, [2, 4, 1, 3]);
}

#[derive(Debug, Serialize, Deserialize)]
struct NewerWork {}

impl Job for NewerWork {
    const KIND: &'static str = "test.work";
    const QUEUE: Queue = Queue::Default;
    const VERSION: i16 = 2;
}

#[derive(Debug, Serialize, Deserialize)]
struct Unheard {}

impl Job for Unheard {
    const KIND: &'static str = "test.unheard";
    const QUEUE: Queue = Queue::Default;
}

#[tokio::test]
async fn a_kind_or_version_of_another_release_is_left_to_it() {
    let shop = Shop::start().await;
    shop.enqueue(&NewerWork {}, Enqueue::default()).await;
    shop.enqueue(&Unheard {}, Enqueue::default()).await;
    let runner = shop.runner(Timing::default());
    // More often than a job may fail.
    for _ in 0..30 {
        let reports = runner.run_due().await.unwrap();
        let outcomes: Vec<_> = reports.iter().map(|report| report.outcome).collect();
        assert_eq!(outcomes, [Outcome::Snoozed, Outcome::Snoozed]);
        shop.clock.advance(TimeDelta::minutes(2));
    }
    let untouched = ("ready".to_owned(), 0, 0);
    assert_eq!(shop.rows().await, [untouched.clone(), untouched]);
}

#[tokio::test]
async fn a_run_whose_lease_ran_out_or_went_to_another_commits_nothing() {
    let shop = Shop::start().await;
    shop.work(1, Does::Succeed).await;
    let frozen = shop.runner(Timing {
        lease: Duration::from_millis(1),
        ..Timing::default()
    });
    let claimed = frozen.claim(Queue::Default, 1).await.unwrap().remove(0);
    until("the lease has run out", async || {
        let other = shop.runner(Timing::default());
        other.rescue().await.unwrap();
        shop.row().await.0 == "ready"
    })
    .await;
    // Nobody has the job now, then somebody else has had it: in neither case may the first run commit.
    let report = frozen.run(claimed.clone()).await;
    assert_eq!(report.outcome, Outcome::Retried);
    assert!(shop.worked().await.is_empty());
    shop.clock.advance(TimeDelta::seconds(10));
    shop.runner(Timing::default()).run_due().await.unwrap();
    frozen.run(claimed).await;
    assert_eq!(shop.worked().await, [1]);
    assert_eq!(shop.row().await, ("done".into(), 2, 1));
}

#[tokio::test]
async fn what_takes_its_worker_down_three_times_is_dead() {
    let shop = Shop::start().await;
    shop.work(1, Does::Succeed).await;
    let doomed = Timing {
        lease: Duration::from_millis(1),
        ..Timing::default()
    };
    for deaths in 1..=3 {
        let runner = shop.runner(doomed);
        assert_eq!(runner.claim(Queue::Default, 1).await.unwrap().len(), 1);
        until("the job is taken back", async || {
            shop.runner(doomed).rescue().await.unwrap();
            shop.row().await.2 == deaths
        })
        .await;
    }
    assert_eq!(shop.row().await, ("dead".into(), 3, 3));
}

#[tokio::test]
async fn finished_jobs_are_deleted_and_dead_ones_stay() {
    let shop = Shop::start().await;
    shop.work(1, Does::Succeed).await;
    shop.work(2, Does::Give).await;
    shop.runner(Timing::default()).run_due().await.unwrap();
    let purge = async || {
        let mut tx = shop.platform.db.begin().await.unwrap();
        let before = shop.clock.now() - TimeDelta::days(7);
        let purged = shop.jobs().purge(&mut tx, before).await.unwrap();
        tx.commit().await.unwrap();
        purged
    };
    assert_eq!(purge().await, 0);
    shop.clock.advance(TimeDelta::days(8));
    assert_eq!(purge().await, 1);
    assert_eq!(shop.row().await, ("dead".into(), 1, 0));
}

#[tokio::test]
async fn however_many_schedulers_there_are_a_tick_is_one_job() {
    let shop = Shop::start().await;
    let job = Work {
        number: 1,
        does: Does::Succeed,
    };
    let runners: Vec<_> = (0..5)
        .map(|_| {
            let registry = registry().schedule("*/5 * * * *", &job);
            shop.runner_on(shop.platform.db.clone(), registry, Timing::default())
        })
        .collect();
    let noon = shop.clock.now();
    let later = noon + TimeDelta::minutes(12);
    let ticks = runners
        .iter()
        .map(|runner| runner.enqueue_ticks(noon, later));
    futures::future::try_join_all(ticks).await.unwrap();
    assert_eq!(shop.rows().await.len(), 2, "12:05 and 12:10");
    // A scheduler that comes later, or whose clock went back, adds nothing to what was.
    let again = noon - TimeDelta::minutes(1);
    runners[0].enqueue_ticks(again, later).await.unwrap();
    assert_eq!(shop.rows().await.len(), 3, "12:00 had been nobody's");
}
