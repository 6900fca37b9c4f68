//! A backfill from its start to its end, and what can come in between.

use super::*;
use crate::jobs::Outcome;

const NAME: &str = CountVisits::NAME;

async fn standing(backfills: &Backfills) -> (State, i64, i64) {
    let standing = backfills.get(NAME).await.unwrap();
    (standing.state, standing.looked_at, standing.batches)
}

fn outcomes(reports: &[Report]) -> Vec<Outcome> {
    reports.iter().map(|report| report.outcome).collect()
}

#[tokio::test]
async fn two_and_a_half_thousand_rows_are_three_batches_that_each_process_may_do() {
    let shelf = Shelf::with(2_500).await;
    let backfills = shelf.backfills();
    assert_eq!(standing(&backfills).await, (State::NotRun, 0, 0));
    backfills.start(NAME, false).await.unwrap();
    assert_eq!(standing(&backfills).await, (State::Running, 0, 0));

    for (state, looked_at, batches) in [
        (State::Running, 1_000, 1),
        (State::Running, 2_000, 2),
        (State::Complete, 2_500, 3),
    ] {
        // Another process each time: what is known stands in the database.
        let backfills = shelf.backfills();
        let reports = shelf.runner(&backfills).run_due().await.unwrap();
        assert_eq!(outcomes(&reports), [Outcome::Done]);
        assert_eq!(standing(&backfills).await, (state, looked_at, batches));
        let resting = shelf.runner(&backfills).run_due().await.unwrap();
        assert!(resting.is_empty(), "no rest between two batches");
        let remaining = backfills.get(NAME).await.unwrap().remaining();
        assert_eq!(remaining, Some(2_500 - looked_at));
        shelf.platform.clock.advance(chrono::TimeDelta::hours(2));
    }
    assert_eq!(shelf.visited(1).await, 2_500);
    assert!(shelf.platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn of_two_who_start_it_at_once_one_does() {
    let shelf = Shelf::with(10).await;
    let mut keeper = shelf.connect().await;
    // Lets both look whether it was begun, and neither begin it.
    let keep = "BEGIN; LOCK TABLE platform.backfills IN SHARE MODE";
    keeper.execute(keep).await.unwrap();
    let start = || {
        let backfills = shelf.backfills();
        tokio::spawn(async move { backfills.start(NAME, false).await })
    };
    let starting = [start(), start()];
    shelf.blocked(2).await;
    keeper.execute("COMMIT").await.unwrap();

    let mut refusals = Vec::new();
    for started in starting {
        refusals.extend(started.await.unwrap().err());
    }
    assert!(
        matches!(refusals[..], [BackfillError::Running]),
        "{refusals:?}"
    );
    assert_eq!(shelf.platform.jobs_waiting().await.len(), 1);
    let late = shelf.backfills().start(NAME, true).await;
    assert!(matches!(late, Err(BackfillError::Running)), "{late:?}");
}

#[tokio::test]
async fn a_pause_lets_the_batch_end_and_no_other_begin() {
    let shelf = Shelf::with(2_500).await;
    let backfills = shelf.backfills();
    backfills.start(NAME, false).await.unwrap();
    let mut customer = shelf.connect().await;
    let change = "BEGIN; UPDATE platform.things SET divisor = 1 WHERE id = 1000";
    customer.execute(change).await.unwrap();
    let runner = shelf.runner(&backfills);
    let batch = tokio::spawn(async move { runner.run_due().await });
    shelf.blocked(1).await;
    let pausing = tokio::spawn({
        let backfills = backfills.clone();
        async move { backfills.pause(NAME).await }
    });
    shelf.blocked(2).await;
    customer.execute("COMMIT").await.unwrap();
    batch.await.unwrap().unwrap();
    pausing.await.unwrap().unwrap();
    assert_eq!(standing(&backfills).await, (State::Paused, 1_000, 1));

    shelf.platform.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(outcomes(&shelf.work(&backfills).await), [Outcome::Done]);
    assert_eq!(standing(&backfills).await, (State::Paused, 1_000, 1));
    let again = backfills.pause(NAME).await;
    assert!(matches!(again, Err(BackfillError::Paused)), "{again:?}");
    let begun = backfills.start(NAME, false).await;
    assert!(matches!(begun, Err(BackfillError::Paused)), "{begun:?}");

    backfills.resume(NAME).await.unwrap();
    shelf.work(&backfills).await;
    assert_eq!(standing(&backfills).await, (State::Running, 2_000, 2));
}

#[tokio::test]
async fn a_job_whose_place_another_has_taken_does_nothing() {
    let shelf = Shelf::with(2_500).await;
    let backfills = shelf.backfills();
    backfills.start(NAME, false).await.unwrap();
    backfills.pause(NAME).await.unwrap();
    backfills.resume(NAME).await.unwrap();
    let again = backfills.resume(NAME).await;
    assert!(matches!(again, Err(BackfillError::Running)), "{again:?}");

    let reports = shelf.work(&backfills).await;
    assert_eq!(outcomes(&reports), [Outcome::Done, Outcome::Done]);
    assert_eq!(standing(&backfills).await, (State::Running, 1_000, 1));
    assert_eq!(shelf.visited(1).await, 1_000);
}

#[tokio::test]
async fn a_failure_is_shown_undoes_its_batch_alone_and_is_tried_again_with_fewer_rows() {
    let shelf = Shelf::with(2_500).await;
    let backfills = shelf.backfills();
    let spoil = "UPDATE platform.things SET divisor = 0 WHERE id = 1500";
    shelf.execute(spoil).await;
    backfills.start(NAME, false).await.unwrap();
    shelf.work(&backfills).await;
    assert_eq!(outcomes(&shelf.work(&backfills).await), [Outcome::Retried]);

    let failing = backfills.get(NAME).await.unwrap();
    assert_eq!((failing.state, failing.looked_at), (State::Running, 1_000));
    let error = failing.error.unwrap_or_default();
    assert!(error.contains("division by zero"), "{error}");
    assert_eq!(shelf.visited(1).await, 1_000);

    // Half as many rows: the one that fails is not among them.
    shelf
        .execute("UPDATE platform.things SET divisor = 0 WHERE id = 1501")
        .await;
    shelf
        .execute("UPDATE platform.things SET divisor = 1 WHERE id = 1500")
        .await;
    assert_eq!(outcomes(&shelf.work(&backfills).await), [Outcome::Done]);
    assert_eq!(standing(&backfills).await, (State::Running, 1_500, 2));
    assert_eq!(backfills.get(NAME).await.unwrap().error, None);
}

#[tokio::test]
async fn what_was_given_up_goes_on_where_it_was_once_it_is_resumed() {
    let shelf = Shelf::with(2_500).await;
    let backfills = shelf.backfills();
    shelf
        .execute("UPDATE platform.things SET divisor = 0 WHERE id = 1001")
        .await;
    backfills.start(NAME, false).await.unwrap();
    while standing(&backfills).await.0 == State::Running {
        shelf.work(&backfills).await;
    }
    assert_eq!(standing(&backfills).await, (State::Failed, 1_000, 1));
    let error = backfills.get(NAME).await.unwrap().error.unwrap_or_default();
    assert!(error.contains("division by zero"), "{error}");

    shelf
        .execute("UPDATE platform.things SET divisor = 1 WHERE id = 1001")
        .await;
    backfills.resume(NAME).await.unwrap();
    while standing(&backfills).await.0 == State::Running {
        shelf.work(&backfills).await;
    }
    assert_eq!(standing(&backfills).await, (State::Complete, 2_500, 3));
    assert_eq!(shelf.visited(1).await, 2_500);
    let mut tx = shelf.platform.db.begin().await.unwrap();
    let dead = shelf.platform.jobs.list_dead(&mut tx, 10).await.unwrap();
    assert!(dead.is_empty(), "{dead:?}");
}

#[tokio::test]
async fn a_batch_that_looks_at_too_many_rows_or_does_not_move_on_is_undone_and_given_up() {
    for (name, fault, visited) in [
        (Greedy::NAME, "1000 rows has looked at 1001", 0),
        (
            Forgetful::NAME,
            "ended at the key where it had begun",
            1_000,
        ),
    ] {
        let shelf = Shelf::with(2_500).await;
        let backfills = Backfills::new(&shelf.platform).at(STEADY);
        let backfills = Arc::new(backfills.with::<Greedy>().with::<Forgetful>());
        backfills.start(name, false).await.unwrap();
        while backfills.get(name).await.unwrap().state == State::Running {
            shelf.work(&backfills).await;
        }
        let standing = backfills.get(name).await.unwrap();
        assert_eq!(standing.state, State::Failed);
        let error = standing.error.unwrap_or_default();
        assert!(error.contains(fault), "{error}");
        assert_eq!(shelf.visited(1).await, visited);
    }
}

#[tokio::test]
async fn a_complete_one_begins_anew_only_if_told_to_or_in_another_version() {
    let shelf = Shelf::with(10).await;
    let backfills = shelf.backfills();
    backfills.start(NAME, false).await.unwrap();
    shelf.work(&backfills).await;
    assert_eq!(standing(&backfills).await, (State::Complete, 10, 1));
    let again = backfills.start(NAME, false).await;
    assert!(matches!(again, Err(BackfillError::Complete)), "{again:?}");
    let resumed = backfills.resume(NAME).await;
    assert!(
        matches!(resumed, Err(BackfillError::Complete)),
        "{resumed:?}"
    );

    backfills.start(NAME, true).await.unwrap();
    shelf.work(&backfills).await;
    assert_eq!(standing(&backfills).await, (State::Complete, 10, 1));
    assert_eq!(shelf.visited(2).await, 10);

    let newer = Backfills::new(&shelf.platform).with::<CountVisitsAgain>();
    let newer = Arc::new(newer);
    assert_eq!(standing(&newer).await, (State::NotRun, 0, 0));
    newer.start(NAME, false).await.unwrap();
    // A worker of the release before does not know what it would do.
    assert_eq!(outcomes(&shelf.work(&backfills).await), [Outcome::Snoozed]);
    let nothing = Arc::new(Backfills::new(&shelf.platform));
    assert_eq!(outcomes(&shelf.work(&nothing).await), [Outcome::Snoozed]);
    assert_eq!(outcomes(&shelf.work(&newer).await), [Outcome::Done]);
    assert_eq!(shelf.visited(3).await, 10);

    let known = nothing.list().await.unwrap();
    assert_eq!((known[0].name.as_str(), known[0].looked_at), (NAME, 10));
    let unknown = nothing.start(NAME, false).await;
    assert!(
        matches!(unknown, Err(BackfillError::Unknown(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_version_that_the_code_has_left_behind_is_given_up_and_can_be_begun_anew() {
    let shelf = Shelf::with(10).await;
    shelf.backfills().start(NAME, false).await.unwrap();
    let newer = Backfills::new(&shelf.platform).with::<CountVisitsAgain>();
    let newer = Arc::new(newer);
    assert_eq!(outcomes(&shelf.work(&newer).await), [Outcome::Dead]);
    newer.start(NAME, false).await.unwrap();
    shelf.work(&newer).await;
    assert_eq!(standing(&newer).await, (State::Complete, 10, 1));
    assert_eq!(shelf.visited(1).await, 10);
}
