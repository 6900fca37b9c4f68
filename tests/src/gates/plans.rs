//! Plans every query of the workspace as PostgreSQL would with a million rows in every table that grows, and refuses what
//! no index serves (requirement B1).
//!
//! The queries are those of the committed `.sqlx` folders, so none can be forgotten. The rows are made from the catalogue
//! (see `filler`), so neither can a table: some thousand real ones, from which `ANALYZE` learns how values are spread, and
//! then their number is corrected. Rejected: a million real rows, which take minutes; statistics without rows, which
//! PostgreSQL 15 has no way to set. Plans are generic, for values that nobody knows yet, as a prepared statement gets them.

mod catalogue;
mod filler;
mod plan;
mod queries;

use std::collections::BTreeSet;
use std::path::Path;

use platform::testing::TestDatabase;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use self::catalogue::Catalogue;
pub use self::filler::{REAL_ROWS, ROWS};
pub use self::queries::Query;
use super::Finding;

/// A database with rows, and what the catalogue says about it.
pub struct Stage {
    connection: PgConnection,
    catalogue: Catalogue,
    _database: TestDatabase,
}

impl Stage {
    /// The schema of the migrations, with `change` made to it, and rows in its tables.
    pub async fn set(change: &str) -> Self {
        let database = TestDatabase::create(&server::migrations::all()).await;
        let url = database.superuser_url();
        let mut connection = PgConnection::connect(url.as_str())
            .await
            .expect("the test's PostgreSQL");
        execute(&mut connection, change).await;
        let catalogue = Catalogue::read(&mut connection).await;
        filler::fill(&mut connection, &catalogue).await;
        execute(
            &mut connection,
            "SET plan_cache_mode = force_generic_plan;
             SET max_parallel_workers_per_gather = 0;
             -- Data that is used is in memory or on a solid-state disk.
             SET random_page_cost = 1.1;
             SET jit = off",
        )
        .await;
        Self {
            connection,
            catalogue,
            _database: database,
        }
    }

    /// What is wrong with the plans of `queries`, and with the indexes.
    pub async fn check(&mut self, queries: &[Query]) -> Vec<Finding> {
        let mut findings = self.catalogue.unindexed_foreign_keys();
        findings.extend(self.catalogue.duplicate_indexes());
        let mut used = BTreeSet::new();
        for query in queries {
            let plan = self.plan(query, "FORMAT JSON, VERBOSE").await;
            let plan: Value = serde_json::from_str(&plan).expect("EXPLAIN writes JSON");
            let plan = plan::Plan::new(&plan[0]["Plan"], &self.catalogue);
            used.extend(plan.indexes());
            findings.extend(query.judge(plan.troubles()));
        }
        findings.extend(self.catalogue.unused_indexes(&used));
        findings
    }

    /// The plan that the gate sees, for people.
    pub async fn explain(&mut self, query: &Query) -> String {
        self.plan(query, "VERBOSE").await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "no module's role may plan the others' queries"
    )]
    async fn plan(&mut self, query: &Query, options: &str) -> String {
        let nulls = vec!["NULL"; query.parameters].join(", ");
        let arguments = if nulls.is_empty() {
            nulls
        } else {
            format!("({nulls})")
        };
        execute(
            &mut self.connection,
            &format!("PREPARE planned AS {}", query.text),
        )
        .await;
        let explain = format!("EXPLAIN ({options}) EXECUTE planned {arguments}");
        let lines: Vec<String> = if options.contains("JSON") {
            let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain))
                .fetch_one(&mut self.connection)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", query.place));
            vec![plan.to_string()]
        } else {
            sqlx::query_scalar(AssertSqlSafe(explain))
                .fetch_all(&mut self.connection)
                .await
                .unwrap_or_else(|error| panic!("{}: {error}", query.place))
        };
        execute(&mut self.connection, "DEALLOCATE planned").await;
        lines.join("\n")
    }
}

/// Fills every table with rows whose optional columns are empty in every second: what releases before have left. Its
/// superuser's `connection` is done with afterwards.
pub async fn fill(mut connection: PgConnection) {
    let catalogue = Catalogue::read(&mut connection).await;
    filler::fill(&mut connection, &catalogue).await;
}

/// Every query of the workspace at `root`.
#[must_use]
pub fn queries(root: &Path) -> Vec<Query> {
    queries::read(root)
}

#[expect(
    clippy::disallowed_methods,
    reason = "statements that are put together from the catalogue"
)]
async fn execute(connection: &mut PgConnection, statements: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await
    {
        panic!("{statements}\n{error}");
    }
}
