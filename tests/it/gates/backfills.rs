//! Every backfill that a module declares, over rows of all tables (requirement B10).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use platform::backfills::{Backfills, MAX_BATCH};
use platform::db::Tx;
use platform::testing::TestPlatform;
use sqlx::{Connection as _, PgConnection};
use tests::gates::plans;

/// The names in all `impl Backfill for … { const NAME: &'static str = "…"; … }` below `folder`, but those of tests.
fn declared_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.ends_with("tests.rs") || path.ends_with("tests");
        if path.is_dir() && !is_test {
            declared_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            names.extend(declared_in(&fs::read_to_string(&path).unwrap()));
        }
    }
}

fn declared_in(source: &str) -> Vec<String> {
    let implementations = source.split("impl Backfill for ").skip(1);
    let names = implementations.filter_map(|it| {
        let (_, name) = it.split_once("const NAME: &'static str = \"")?;
        Some(name.split_once('"')?.0.to_owned())
    });
    names.collect()
}

/// The rows that this connection has written, of which PostgreSQL forgets some whenever no transaction is open.
#[expect(
    clippy::disallowed_methods,
    reason = "this asks PostgreSQL's statistics, whatever the backfill says"
)]
async fn written(tx: &mut Tx) -> i64 {
    sqlx::query_scalar(
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_xact_user_tables",
    )
    .fetch_one(&mut **tx)
    .await
    .unwrap()
}

/// Goes through all rows in batches of `limit`; how many it looked at and changed.
async fn go_through(
    platform: &TestPlatform,
    backfills: &Backfills,
    name: &str,
    limit: i64,
) -> (i64, i64) {
    let (mut after, mut looked_at, mut changed) = (None, 0, 0);
    loop {
        let mut tx = platform.db.begin().await.unwrap();
        let before = written(&mut tx).await;
        let batch = backfills.try_batch(name, &mut tx, after.clone(), limit);
        let batch = batch
            .await
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let written = written(&mut tx).await - before;
        assert!(
            batch.looked_at <= limit && written <= limit,
            "{name}: a batch of {limit} rows looked at {} and wrote {written}",
            batch.looked_at
        );
        assert_eq!(batch.changed, written, "{name} says what it has changed");
        tx.commit().await.unwrap();
        looked_at += batch.looked_at;
        changed += batch.changed;
        if batch.looked_at < limit {
            return (looked_at, changed);
        }
        assert_ne!(batch.last, after, "{name} does not move on");
        after = batch.last;
    }
}

#[tokio::test]
async fn every_backfill_of_every_module_is_in_the_servers_list() {
    let mut names = BTreeSet::new();
    declared_below(Path::new("../crates"), &mut names);
    let platform = TestPlatform::start(&server::migrations::all()).await;
    let backfills = server::backfills::declared(&platform);
    let listed = backfills.declared().map(|(name, _)| name.to_owned());
    assert_eq!(listed.collect::<BTreeSet<_>>(), names);
}

#[tokio::test]
async fn every_backfill_ends_keeps_to_its_batches_and_changes_nothing_the_second_time() {
    let platform = TestPlatform::start(&server::migrations::all()).await;
    let url = platform.database().superuser_url();
    plans::fill(PgConnection::connect(url.as_str()).await.unwrap()).await;
    let backfills = server::backfills::declared(&platform);
    for (name, _) in backfills.declared() {
        let (looked_at, changed) = go_through(&platform, &backfills, name, 997).await;
        assert_eq!(looked_at, i64::from(plans::REAL_ROWS), "{name}");
        assert!(
            changed > 0,
            "{name} finds nothing to do among rows of a release before"
        );
        let limit = MAX_BATCH.into();
        let again = go_through(&platform, &backfills, name, limit).await;
        assert_eq!(again, (looked_at, 0), "{name} does again what it has done");
    }
}
