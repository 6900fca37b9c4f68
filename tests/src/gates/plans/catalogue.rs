//! What PostgreSQL's catalogue says about tables, indexes and foreign keys.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};

use crate::gates::{Finding, Rule};

static FOREIGN_KEY: Rule = Rule {
    name: "foreign-key",
    why: "Each row that is deleted or re-keyed on the other side reads this whole table to look for references.",
    fix: "Add an index that begins with the foreign key's columns.",
    waive: "COMMENT ON CONSTRAINT … IS 'unindexed: <why nothing is ever deleted there>'.",
};

static DUPLICATE: Rule = Rule {
    name: "duplicate-index",
    why: "Every write pays for both, and memory holds both.",
    fix: "Drop the shorter one.",
    waive: "COMMENT ON INDEX … IS 'kept: <what needs it>'.",
};

static UNUSED: Rule = Rule {
    name: "unused-index",
    why: "Every write pays for it, and no query of the workspace is planned with it.",
    fix: "Drop it, or fix the query that was meant to use it.",
    waive: "COMMENT ON INDEX … IS 'kept: <what needs it>'.",
};

#[derive(Debug, FromRow)]
pub(super) struct Column {
    pub(super) relation: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) nullable: bool,
    /// Written by PostgreSQL itself.
    pub(super) generated: bool,
}

#[derive(Debug, FromRow)]
pub(super) struct Index {
    relation: String,
    name: String,
    /// Columns or expressions, with the direction of each.
    pub(super) keys: Vec<String>,
    options: Vec<i16>,
    pub(super) is_unique: bool,
    predicate: Option<String>,
    method: String,
    comment: Option<String>,
}

#[derive(Debug, FromRow)]
pub(super) struct ForeignKey {
    relation: String,
    name: String,
    pub(super) columns: Vec<String>,
    pub(super) parent: String,
    pub(super) parent_columns: Vec<String>,
    comment: Option<String>,
}

#[derive(Debug, FromRow)]
pub(super) struct Check {
    relation: String,
    pub(super) name: String,
    pub(super) definition: String,
}

#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// Each table, and whether it can grow.
    pub(super) tables: BTreeMap<String, bool>,
    pub(super) columns: Vec<Column>,
    indexes: Vec<Index>,
    foreign_keys: Vec<ForeignKey>,
    checks: Vec<Check>,
}

/// Tables of the modules; sqlx's history has one row a migration.
const TABLES: &str = "
    SELECT relation.oid, nspname || '.' || relname AS name,
           coalesce(obj_description(relation.oid, 'pg_class'), '') NOT LIKE 'bounded: %' AS grows
    FROM pg_class AS relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg_toast%'
      AND relname <> '_migrations'";

impl Catalogue {
    pub(super) async fn read(connection: &mut PgConnection) -> Self {
        let tables: Vec<(String, bool)> =
            ask(connection, "SELECT name, grows FROM tables ORDER BY name").await;
        Self {
            tables: tables.into_iter().collect(),
            columns: ask(
                connection,
                "SELECT tables.name AS relation, attname::text AS name, format_type(atttypid, NULL) AS kind,
                        NOT attnotnull AS nullable, (attgenerated <> '' OR attidentity <> '') AS generated
                 FROM tables JOIN pg_attribute ON attrelid = oid
                 WHERE attnum > 0 AND NOT attisdropped
                 ORDER BY tables.name, attnum",
            )
            .await,
            indexes: ask(
                connection,
                "SELECT tables.name AS relation, index.relname::text AS name, indisunique AS is_unique,
                        pg_get_expr(indpred, indrelid) AS predicate, amname::text AS method,
                        obj_description(indexrelid, 'pg_class') AS comment,
                        array(SELECT pg_get_indexdef(indexrelid, number, true)
                              FROM generate_series(1, indnkeyatts) AS number) AS keys,
                        array(SELECT unnest(indoption::int2[])) AS options
                 FROM tables JOIN pg_index ON indrelid = tables.oid JOIN pg_class AS index ON index.oid = indexrelid
                 JOIN pg_am ON pg_am.oid = index.relam
                 ORDER BY 1, 2",
            )
            .await,
            foreign_keys: ask(
                connection,
                "SELECT tables.name AS relation, conname::text AS name, parent.name AS parent,
                        obj_description(pg_constraint.oid, 'pg_constraint') AS comment,
                        array(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS key (number, position)
                              JOIN pg_attribute ON attrelid = conrelid AND attnum = number
                              ORDER BY position) AS columns,
                        array(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS key (number, position)
                              JOIN pg_attribute ON attrelid = confrelid AND attnum = number
                              ORDER BY position) AS parent_columns
                 FROM tables JOIN pg_constraint ON conrelid = tables.oid JOIN tables AS parent ON parent.oid = confrelid
                 WHERE contype = 'f' ORDER BY 1, 2",
            )
            .await,
            checks: ask(
                connection,
                "SELECT tables.name AS relation, conname::text AS name, pg_get_constraintdef(pg_constraint.oid) AS definition
                 FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype = 'c' ORDER BY 1, 2",
            )
            .await,
        }
    }

    /// Whether the table gets more rows as the product gets more users.
    pub(super) fn grows(&self, table: &str) -> bool {
        self.tables.get(table).copied().unwrap_or(false)
    }

    pub(super) fn columns_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Column> {
        self.columns
            .iter()
            .filter(move |column| column.relation == table)
    }

    pub(super) fn unique_indexes_of<'a>(
        &'a self,
        table: &'a str,
    ) -> impl Iterator<Item = &'a Index> {
        self.indexes
            .iter()
            .filter(move |index| index.relation == table && index.is_unique)
    }

    pub(super) fn checks_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Check> {
        self.checks
            .iter()
            .filter(move |check| check.relation == table)
    }

    /// The foreign key that the column is part of, with its place in it.
    pub(super) fn reference(&self, table: &str, column: &str) -> Option<(&ForeignKey, usize)> {
        self.foreign_keys
            .iter()
            .filter(|key| key.relation == table)
            .find_map(|key| Some((key, key.columns.iter().position(|name| name == column)?)))
    }

    /// Which rows an index holds, if not all.
    pub(super) fn predicate(&self, index: &str) -> Option<&str> {
        let index = self.indexes.iter().find(|known| known.name == index)?;
        index.predicate.as_deref()
    }

    /// The keys of every unique index of the table that has an index of this name. Names of indexes are unique within a
    /// schema, and hardly repeated beyond.
    pub(super) fn unique_keys<'a>(&'a self, index: &'a str) -> impl Iterator<Item = &'a [String]> {
        let known = self.indexes.iter().find(|known| known.name == index);
        let of_table = self
            .indexes
            .iter()
            .filter(move |other| known.is_some_and(|known| known.relation == other.relation));
        of_table
            .filter(move |other| {
                other.is_unique && (other.predicate.is_none() || other.name == index)
            })
            .map(|other| other.keys.as_slice())
    }

    pub(super) fn unindexed_foreign_keys(&self) -> Vec<Finding> {
        let unserved = self.foreign_keys.iter().filter(|key| {
            !is_waived(key.comment.as_deref(), "unindexed: ")
                && !self.indexes.iter().any(|index| index.serves(key))
        });
        unserved
            .map(|key| {
                let columns = key.columns.join(", ");
                let what = format!(
                    "no index begins with ({columns}), which refers to {}",
                    key.parent
                );
                FOREIGN_KEY.broken(format!("{}, {}", key.relation, key.name), what)
            })
            .collect()
    }

    pub(super) fn duplicate_indexes(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for index in &self.indexes {
            let longer = self
                .indexes
                .iter()
                .find(|other| other.name != index.name && index.is_covered_by(other));
            if let Some(longer) = longer
                && !index.is_kept()
            {
                let what = format!("{} begins with the same columns", longer.name);
                findings
                    .push(DUPLICATE.broken(format!("{}, {}", index.relation, index.name), what));
            }
        }
        findings
    }

    pub(super) fn unused_indexes(&self, used: &BTreeSet<String>) -> Vec<Finding> {
        let unused = self.indexes.iter().filter(|index| {
            let schema = index.relation.split('.').next().unwrap_or_default();
            !index.is_unique
                && !index.is_kept()
                && !used.contains(&format!("{schema}.{}", index.name))
                && !self.foreign_keys.iter().any(|key| index.serves(key))
        });
        unused
            .map(|index| {
                let place = format!("{}, {}", index.relation, index.name);
                UNUSED.broken(
                    place,
                    "no query of the workspace is planned with this index",
                )
            })
            .collect()
    }
}

impl Index {
    /// Whether it finds the rows that refer to one row of the parent.
    fn serves(&self, key: &ForeignKey) -> bool {
        let leading: BTreeSet<_> = self.keys.iter().take(key.columns.len()).collect();
        self.relation == key.relation
            && self.predicate.is_none()
            && leading == key.columns.iter().collect()
    }

    /// Whether whatever this index serves is served by `other` too.
    fn is_covered_by(&self, other: &Self) -> bool {
        !self.is_unique
            && self.relation == other.relation
            && self.method == other.method
            && self.predicate == other.predicate
            && other.keys.starts_with(&self.keys)
            && other.options.starts_with(&self.options)
            && (other.keys.len() > self.keys.len() || other.is_unique || other.name < self.name)
    }

    fn is_kept(&self) -> bool {
        is_waived(self.comment.as_deref(), "kept: ")
    }
}

/// A comment that gives a reason.
fn is_waived(comment: Option<&str>, word: &str) -> bool {
    comment
        .and_then(|comment| comment.strip_prefix(word))
        .is_some_and(|reason| reason.trim().len() > 10)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the catalogue belongs to no module, and this gate to no crate that prepares queries"
)]
async fn ask<T>(connection: &mut PgConnection, question: &str) -> Vec<T>
where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let question = format!("WITH tables AS ({TABLES}) {question}");
    sqlx::query_as(sqlx::AssertSqlSafe(question))
        .fetch_all(connection)
        .await
        .expect("an answer of the catalogue")
}
