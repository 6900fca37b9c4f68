use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use sqlx::migrate::MigrationType;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::*;
use crate::testing::TestDatabase;

const TABLE: &str = "CREATE TABLE planted.things (id integer CONSTRAINT things_pkey PRIMARY KEY)";
const COLUMN: &str = "ALTER TABLE planted.things ADD COLUMN name text";
const INDEX: &str = "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS things_name_key ON planted.things (name)";

/// Few attempts, and short ones.
fn hasty() -> Patience {
    Patience {
        lock_timeout: Duration::from_millis(50),
        lock_timeout_alone: Duration::from_millis(50),
        attempts: 3,
        pause: Duration::from_millis(10),
    }
}

/// As many attempts as it takes.
fn stubborn() -> Patience {
    Patience {
        attempts: u32::MAX,
        ..hasty()
    }
}

/// A module `planted` whose migrations these are, in pairs of up and down.
fn planted(files: &[(&'static str, &'static str)]) -> Migrator {
    let numbered = (1..).zip(files);
    let migrations = numbered.flat_map(|(version, (up, down))| {
        let pair = [
            (MigrationType::ReversibleUp, *up),
            (MigrationType::ReversibleDown, *down),
        ];
        pair.map(|(kind, sql)| {
            let alone = sql.starts_with("-- no-transaction");
            Migration::new(
                version,
                "change things".into(),
                kind,
                sql.into_sql_str(),
                alone,
            )
        })
    });
    Migrator {
        migrations: Cow::Owned(migrations.collect()),
        table_name: "planted._migrations".into(),
        create_schemas: Cow::Owned(vec!["planted".into()]),
        ..Migrator::DEFAULT
    }
}

async fn connect(database: &TestDatabase) -> PgConnection {
    let url = database.url_of("migrator");
    PgConnection::connect(url.as_str()).await.unwrap()
}

async fn apply_all(
    connection: &mut PgConnection,
    migrator: &Migrator,
    patience: Patience,
) -> anyhow::Result<String> {
    let said = Arc::new(Mutex::new(String::new()));
    let hears = Arc::clone(&said);
    let tell = move |line: &str| {
        let mut said = hears.lock().unwrap();
        said.push_str(line);
        said.push('\n');
    };
    let migrators = [migrator];
    let entropy = Entropy::seeded(1);
    let migrations = Migrations::new(&migrators, patience, entropy, tell);
    migrations.apply(connection).await?;
    let said = said.lock().unwrap().clone();
    Ok(said)
}

async fn run(connection: &mut PgConnection, statement: &'static str) {
    connection.execute(statement).await.unwrap();
}

async fn columns(connection: &mut PgConnection) -> usize {
    let described = connection.fetch_all("SELECT attname FROM pg_attribute WHERE attrelid = 'planted.things'::regclass AND attnum > 0 AND NOT attisdropped").await;
    described.unwrap().len()
}

#[tokio::test]
async fn against_a_long_transaction_a_migration_gives_up_and_leaves_nothing_half_done() {
    let database = TestDatabase::create(&[]).await;
    let (mut migrating, mut long) = (connect(&database).await, connect(&database).await);
    let before = planted(&[(TABLE, "")]);
    apply_all(&mut migrating, &before, hasty()).await.unwrap();
    run(&mut long, "BEGIN").await;
    run(&mut long, "SELECT * FROM planted.things").await;

    let after = planted(&[(TABLE, ""), (COLUMN, "")]);
    let given_up = apply_all(&mut migrating, &after, hasty())
        .await
        .unwrap_err();
    let sentence = given_up.to_string();
    for part in [
        "migrations/planted/0002_change_things.up.sql got no lock in 3 attempts",
        "of PostgreSQL: nothing of it was done",
        "run `server migrate` again",
    ] {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(columns(&mut migrating).await, 1);

    run(&mut long, "COMMIT").await;
    let said = apply_all(&mut migrating, &after, hasty()).await.unwrap();
    assert!(
        said.contains("0002_change_things.up.sql: applied in"),
        "{said}"
    );
    assert_eq!(columns(&mut migrating).await, 2);
}

#[tokio::test]
async fn while_a_migration_tries_for_its_lock_others_are_served() {
    let database = TestDatabase::create(&[]).await;
    let (mut migrating, mut long) = (connect(&database).await, connect(&database).await);
    let before = planted(&[(TABLE, "")]);
    apply_all(&mut migrating, &before, hasty()).await.unwrap();
    run(&mut long, "BEGIN").await;
    run(&mut long, "SELECT * FROM planted.things").await;

    let migration = tokio::spawn(async move {
        let after = planted(&[(TABLE, ""), (COLUMN, "")]);
        apply_all(&mut migrating, &after, stubborn()).await
    });
    let mut customer = connect(&database).await;
    // Behind a migration that would wait for the long transaction's end, the customer would wait for ever.
    while !waits_for_a_lock(&mut customer).await {
        tokio::task::yield_now().await;
    }
    run(&mut customer, "SELECT * FROM planted.things").await;
    assert!(!migration.is_finished());

    run(&mut long, "COMMIT").await;
    let said = migration.await.unwrap().unwrap();
    assert!(said.contains("no lock, because of"), "{said}");
    assert_eq!(columns(&mut customer).await, 2);
}

async fn waits_for_a_lock(connection: &mut PgConnection) -> bool {
    let waiting = connection
        .fetch_all(
            "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'planted.things'::regclass",
        )
        .await;
    !waiting.unwrap().is_empty()
}

#[tokio::test]
async fn a_second_process_waits_for_its_turn_or_says_who_has_it() {
    let database = TestDatabase::create(&[]).await;
    let (mut first, mut second) = (connect(&database).await, connect(&database).await);
    let migrator = planted(&[(TABLE, "")]);
    assert!(db::take_turn(&mut first).await.unwrap());
    let pid: i32 = {
        use sqlx::Row as _;
        let row = first.fetch_one("SELECT pg_backend_pid()").await.unwrap();
        row.get(0)
    };
    let refused = apply_all(&mut second, &migrator, hasty())
        .await
        .unwrap_err();
    let expected =
        format!("another process is migrating this database (process {pid} of PostgreSQL)");
    assert!(refused.to_string().starts_with(&expected), "{refused}");

    let waiting = tokio::spawn(async move { apply_all(&mut second, &migrator, stubborn()).await });
    db::leave_turn(&mut first).await.unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(columns(&mut first).await, 1);
}

#[tokio::test]
async fn an_index_that_was_left_unfinished_is_dropped_and_built_again() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = connect(&database).await;
    let before = planted(&[(TABLE, ""), (COLUMN, "")]);
    apply_all(&mut connection, &before, hasty()).await.unwrap();
    run(
        &mut connection,
        "INSERT INTO planted.things VALUES (1, 'twice'), (2, 'twice')",
    )
    .await;

    let after = planted(&[(TABLE, ""), (COLUMN, ""), (INDEX, "")]);
    apply_all(&mut connection, &after, hasty())
        .await
        .unwrap_err();
    let left = db::invalid_indexes(&mut connection, "planted")
        .await
        .unwrap();
    assert_eq!(left.len(), 1, "PostgreSQL leaves the index behind");

    run(&mut connection, "DELETE FROM planted.things WHERE id = 2").await;
    let said = apply_all(&mut connection, &after, hasty()).await.unwrap();
    assert!(
        said.contains("things_name_key was left unfinished"),
        "{said}"
    );
    let left = db::invalid_indexes(&mut connection, "planted")
        .await
        .unwrap();
    assert!(left.is_empty());
    let repeated = connection
        .execute("INSERT INTO planted.things VALUES (3, 'twice')")
        .await;
    assert!(repeated.is_err(), "the index is there and valid");
}

#[tokio::test]
async fn an_edited_or_missing_file_is_refused_with_a_sentence_that_says_what_to_do() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = connect(&database).await;
    let original = planted(&[(TABLE, ""), (COLUMN, "")]);
    apply_all(&mut connection, &original, hasty())
        .await
        .unwrap();

    let missing = planted(&[(TABLE, "")]);
    let refused = apply_all(&mut connection, &missing, hasty())
        .await
        .unwrap_err();
    for part in [
        "the migration 0002 of planted has been applied",
        "bring it back from version control",
        "this one needs no migrating: start it",
    ] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
    let edited = planted(&[
        (TABLE, ""),
        ("ALTER TABLE planted.things ADD COLUMN title text", ""),
    ]);
    let refused = apply_all(&mut connection, &edited, hasty())
        .await
        .unwrap_err();
    for part in [
        "migrations/planted/0002_change_things.up.sql has been edited",
        "put the change into a new migration",
        "`cargo xtask dev --reset`",
    ] {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}

#[tokio::test]
async fn a_plan_tells_what_would_run_and_changes_nothing() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = connect(&database).await;
    let migrator = planted(&[(TABLE, ""), (INDEX, "")]);
    let migrators = [&migrator];
    let migrations = Migrations::new(&migrators, hasty(), Entropy::seeded(1), |_| ());
    for _ in 0..2 {
        let pending = migrations.plan(&mut connection).await.unwrap();
        let told: Vec<_> = pending
            .iter()
            .map(|it| (it.file.as_str(), it.in_transaction))
            .collect();
        assert_eq!(
            told,
            [
                ("migrations/planted/0001_change_things.up.sql", true),
                ("migrations/planted/0002_change_things.up.sql", false),
            ]
        );
        assert_eq!(pending[0].sql, TABLE);
    }
}

#[tokio::test]
async fn what_was_applied_after_a_version_is_undone() {
    let database = TestDatabase::create(&[]).await;
    let mut connection = connect(&database).await;
    let migrator = planted(&[
        (TABLE, "DROP TABLE planted.things"),
        (COLUMN, "ALTER TABLE planted.things DROP COLUMN name"),
        (
            INDEX,
            "-- no-transaction\nDROP INDEX CONCURRENTLY planted.things_name_key",
        ),
    ]);
    apply_all(&mut connection, &migrator, hasty())
        .await
        .unwrap();
    let migrators = [&migrator];
    let migrations = Migrations::new(&migrators, hasty(), Entropy::seeded(1), |_| ());
    migrations
        .undo(&mut connection, "planted", 1)
        .await
        .unwrap();
    assert_eq!(columns(&mut connection).await, 1);
    assert_eq!(migrations.plan(&mut connection).await.unwrap().len(), 2);

    for (schema, version, sentence) in [
        (
            "planted",
            7,
            "planted has no migration 7: 0 undoes them all",
        ),
        ("nowhere", 1, "there is no schema nowhere"),
    ] {
        let refused = migrations.undo(&mut connection, schema, version).await;
        assert_eq!(refused.unwrap_err().to_string(), sentence);
    }
}
