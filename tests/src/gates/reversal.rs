//! Undoes every migration and does it again, over rows, and refuses what does not come out the same (requirement B7).
//!
//! What a migration makes of a schema is seen twice. Once on the way up, in an empty database, which is how it is meant.
//! Then on the way down, in the demo shop's: each migration is undone, done again over the rows that are left, and
//! undone, and each time the schema must be the one that was seen on the way up.

use std::collections::BTreeMap;

use platform::testing::TestDatabase;
use sqlx::migrate::{Migration, Migrator};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::{Finding, Rule};

static REVERSIBLE: Rule = Rule {
    name: "reversible",
    why: "Whoever must take a release back in the night, or looks at another branch, is left with a database that no \
          release knows.",
    fix: "Let the .down.sql undo all that the .up.sql does, rights and comments included, in the opposite order.",
    waive: "This one cannot be waived.",
};

/// Each thing in a schema, and how it is defined.
type Snapshot = BTreeMap<String, String>;

const SNAPSHOT: &str = include_str!("reversal/snapshot.sql");

/// What the migrations of `migrators` do not undo, or do not do again.
pub async fn check(migrators: &[&Migrator]) -> Vec<Finding> {
    let full = TestDatabase::create(&server::migrations::all()).await;
    crate::fill(&full, "reversal").await;
    let empty = TestDatabase::create(&[]).await;
    let (mut full, mut empty) = (connect(&full).await, connect(&empty).await);
    empty
        .execute("DROP SCHEMA platform CASCADE")
        .await
        .expect("a schema of the migrator's own");
    let mut findings = Vec::new();
    for migrator in migrators {
        let way_up = climb(&mut empty, migrator).await;
        findings.extend(Descent::new(migrator, &way_up).go(&mut full).await);
    }
    findings
}

/// The schema before the first migration and after each, in an empty database.
async fn climb(connection: &mut PgConnection, migrator: &Migrator) -> Vec<(i64, Snapshot)> {
    let versions = ups(migrator).map(|migration| migration.version);
    let mut way_up = Vec::new();
    for version in std::iter::once(0).chain(versions) {
        let applied = migrator.run_to(version, &mut *connection).await;
        applied.expect("a migration that applies to an empty database");
        way_up.push((version, look(connection, migrator).await));
    }
    way_up
}

/// The way down through one module's migrations.
struct Descent<'a> {
    migrator: &'a Migrator,
    way_up: &'a [(i64, Snapshot)],
}

impl<'a> Descent<'a> {
    fn new(migrator: &'a Migrator, way_up: &'a [(i64, Snapshot)]) -> Self {
        Self { migrator, way_up }
    }

    /// Ends at the first fault: what comes after it is mostly its echo.
    async fn go(&self, connection: &mut PgConnection) -> Vec<Finding> {
        let newest = self.way_up.len() - 1;
        let mut faults = self.up(connection, newest).await;
        for number in (1..=newest).rev() {
            for step in 0..3 {
                if faults.is_empty() {
                    faults = match step {
                        1 => self.up(connection, number).await,
                        _ => self.down(connection, number).await,
                    };
                }
            }
        }
        if faults.is_empty() {
            faults = self.up(connection, newest).await;
        }
        faults
    }

    /// Undoes the migration `number`, counted from one.
    async fn down(&self, connection: &mut PgConnection, number: usize) -> Vec<Finding> {
        let target = self.way_up[number - 1].0;
        let undone = self.migrator.undo(&mut *connection, target).await;
        let place = self.place(number, "down");
        match undone {
            Ok(()) => self.compare(connection, number - 1, &place).await,
            Err(error) => vec![REVERSIBLE.broken(place, error.to_string())],
        }
    }

    /// Does the migrations up to `number`, over what is there.
    async fn up(&self, connection: &mut PgConnection, number: usize) -> Vec<Finding> {
        let target = self.way_up[number].0;
        let done = self.migrator.run_to(target, &mut *connection).await;
        let place = self.place(number, "up");
        match done {
            Ok(()) => self.compare(connection, number, &place).await,
            Err(error) => vec![REVERSIBLE.broken(place, error.to_string())],
        }
    }

    async fn compare(
        &self,
        connection: &mut PgConnection,
        number: usize,
        place: &str,
    ) -> Vec<Finding> {
        let (expected, found) = (
            &self.way_up[number].1,
            look(connection, self.migrator).await,
        );
        let missing = expected.iter().filter_map(|(thing, meant)| {
            let what = match found.get(thing) {
                None => format!("{thing} is gone"),
                Some(other) if other != meant => {
                    format!("{thing} was `{meant}`, and now is `{other}`")
                }
                Some(_) => return None,
            };
            Some(REVERSIBLE.broken(place, what))
        });
        let left = found.keys().filter(|thing| !expected.contains_key(*thing));
        let left = left.map(|thing| REVERSIBLE.broken(place, format!("{thing} is left behind")));
        missing.chain(left).collect()
    }

    fn place(&self, number: usize, way: &str) -> String {
        let version = self.way_up[number].0;
        let named = ups(self.migrator).find(|migration| migration.version == version);
        let name = named.map_or_else(String::new, |it| it.description.replace(' ', "_"));
        let schema = schema_of(self.migrator);
        format!("migrations/{schema}/{version:04}_{name}.{way}.sql")
    }
}

fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration())
}

fn schema_of(migrator: &Migrator) -> &str {
    let (schema, _) = migrator
        .table_name
        .split_once('.')
        .expect("a history in a schema");
    schema
}

#[expect(
    clippy::disallowed_methods,
    reason = "this asks the catalogue, which no module's role may describe"
)]
async fn look(connection: &mut PgConnection, migrator: &Migrator) -> Snapshot {
    let things: Vec<(String, String)> = sqlx::query_as(SNAPSHOT)
        .bind(schema_of(migrator))
        .fetch_all(connection)
        .await
        .expect("the catalogue");
    things.into_iter().collect()
}

async fn connect(database: &TestDatabase) -> PgConnection {
    PgConnection::connect(database.url_of("migrator").as_str())
        .await
        .expect("PostgreSQL answers")
}
