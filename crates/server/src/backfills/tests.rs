use chrono::TimeDelta;
use orders::Orders;
use platform::testing::TestPlatform;

use super::*;
use crate::{migrations, worker};

/// A shop with three orders of a release before they could be searched.
async fn an_old_shop() -> (TestPlatform, App) {
    let platform = TestPlatform::start(&migrations::all()).await;
    let app = App::for_tests(&platform);
    let orders: &Orders = app.orders();
    for _ in 0..3 {
        orders.a_placed_order(orders.a_user()).await;
    }
    orders.forget_searches().await;
    (platform, app)
}

fn named(action: fn(String) -> Action) -> Action {
    action("orders.fill_search".to_owned())
}

fn run(name: String) -> Action {
    Action::Run { name, again: false }
}

#[tokio::test]
async fn every_backfill_is_named_after_the_module_whose_table_it_walks_along() {
    let platform = TestPlatform::start(&migrations::all()).await;
    for (name, table) in declared(&platform).declared() {
        let (module, schema) = (name.split_once('.'), table.split_once('.'));
        let (module, schema) = (module.unwrap().0, schema.unwrap().0);
        assert_eq!(module, schema, "{name} walks along {table}");
    }
}

#[tokio::test]
async fn a_person_starts_one_watches_it_and_sees_it_complete() {
    let (platform, app) = an_old_shop().await;
    let say = async |action| look_after(&app, &action).await.unwrap();
    let told = say(Action::List).await;
    assert!(told.starts_with("orders.fill_search  not run  "), "{told}");

    say(named(run)).await;
    let told = say(Action::List).await;
    assert_eq!(
        told,
        "orders.fill_search  running  0 rows looked at, 0 changed"
    );
    worker::runner(&app).run_due().await.unwrap();
    let told = say(named(|name| Action::Status { name })).await;
    for part in [
        "orders.fill_search  complete  3 rows looked at, 3 changed",
        "started   2026-01-05 12:00:00",
        "finished  2026-01-05 12:00:00",
        "batches   1 done",
        "last key  ",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    platform.clock.advance(TimeDelta::hours(1));
    let refused = look_after(&app, &named(run)).await.unwrap_err().to_string();
    assert!(refused.contains("--again"), "{refused}");
    let again = |name| Action::Run { name, again: true };
    say(named(again)).await;
    worker::runner(&app).run_due().await.unwrap();
    let told = say(Action::List).await;
    assert_eq!(
        told,
        "orders.fill_search  complete  3 rows looked at, 0 changed"
    );
}

#[tokio::test]
async fn a_person_pauses_one_and_resumes_it() {
    let (_platform, app) = an_old_shop().await;
    let say = async |action| look_after(&app, &action).await.unwrap();
    say(named(run)).await;
    let told = say(named(|name| Action::Pause { name })).await;
    assert_eq!(told, "It is paused: 0 rows looked at, 0 changed.");
    worker::runner(&app).run_due().await.unwrap();
    let told = say(Action::List).await;
    assert!(told.contains("  paused  0 rows"), "{told}");

    say(named(|name| Action::Resume { name })).await;
    worker::runner(&app).run_due().await.unwrap();
    let told = say(Action::List).await;
    assert!(told.contains("  complete  3 rows"), "{told}");
}

#[tokio::test]
async fn whoever_names_none_is_told_which_there_are() {
    let (_platform, app) = an_old_shop().await;
    let name = "orders.fill_serch".to_owned();
    let refused = look_after(&app, &Action::Status { name }).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.ends_with("choose from orders.fill_search"),
        "{refused}"
    );
}
