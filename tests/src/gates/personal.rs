//! Every column that can hold words says whether they are a person's (requirement I1).
//!
//! The registry is the database itself: `COMMENT ON COLUMN … IS 'personal: …'` stands in the migration that adds the column,
//! so it is read where the column is read, and cannot be forgotten in another file. What the comment says is what becomes of
//! the words when the person leaves.

use platform::testing::TestDatabase;
use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection};

use super::{Finding, Rule};

static UNREGISTERED: Rule = Rule {
    name: "personal-data",
    why: "Of 100,000 people somebody asks every day what is kept about them, or to be forgotten: a column that nobody has \
          named is neither exported nor erased.",
    fix: "In its migration: COMMENT ON COLUMN … IS 'personal: <what becomes of it when the person leaves>', or \
          'not personal: <what it holds instead>'.",
    waive: "The comment is the waiver.",
};

#[derive(FromRow)]
struct Column {
    place: String,
    kind: String,
    comment: Option<String>,
}

/// The columns that a person's words, or a picture or address of theirs, could stand in. Numbers, times and ids are no words,
/// what PostgreSQL generates comes from columns that are asked themselves, and what a CHECK confines to a list or a pattern
/// of capital letters (a currency) is the application's own.
const COLUMNS: &str = "
    SELECT nspname || '.' || relname || '.' || attname AS place, format_type(atttypid, NULL) AS kind,
           col_description(relation.oid, attnum) AS comment
    FROM pg_attribute
    JOIN pg_class AS relation ON relation.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
      AND nspname NOT IN ('pg_catalog', 'information_schema', 'public') AND nspname NOT LIKE 'pg_toast%'
      AND relname <> '_migrations'
      AND format_type(atttypid, NULL) ~ '^(text|character|json|bytea|inet|cidr|xml|hstore|point|date$)'
      AND NOT EXISTS (
          SELECT FROM pg_constraint
          WHERE conrelid = relation.oid AND contype = 'c' AND conkey = ARRAY[attnum]
            AND pg_get_constraintdef(pg_constraint.oid) ~ '= ANY \\(|\\^\\[A-Z\\]'
      )
    ORDER BY place";

/// The columns of all migrations, with `change` made to the schema, that do not say what they hold.
pub async fn check(change: &str) -> Vec<Finding> {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let columns = columns(database.superuser_url().as_str(), change).await;
    let silent = columns.into_iter().filter(|column| {
        let said = column.comment.as_deref().unwrap_or_default();
        let reason = said
            .strip_prefix("personal: ")
            .or_else(|| said.strip_prefix("not personal: "));
        reason.is_none_or(|reason| reason.trim().is_empty())
    });
    silent
        .map(|column| {
            let what = format!(
                "a column of type {} does not say whether it is personal",
                column.kind
            );
            UNREGISTERED.broken(column.place, what)
        })
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this asks the catalogue, which no module's role may describe"
)]
async fn columns(url: &str, change: &str) -> Vec<Column> {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the test's PostgreSQL");
    sqlx::raw_sql(AssertSqlSafe(change))
        .execute(&mut connection)
        .await
        .expect("the change is sound");
    sqlx::query_as(COLUMNS)
        .fetch_all(&mut connection)
        .await
        .expect("the catalogue can be read")
}
