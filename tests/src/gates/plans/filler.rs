//! Fills every table with rows made from the catalogue alone, so that a new table is filled without anybody thinking of it.
//!
//! The rows mean nothing, but their spread is right: unique where an index says so, four to a parent, states spread over
//! the values that a CHECK lists, every second value missing where it may be.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::catalogue::{Catalogue, Column};
use super::execute;

/// Rows that the planner believes each growing table to have: those of 100,000 users.
pub const ROWS: u32 = 1_000_000;

/// Rows that there are. What the planner makes of a table depends on the number of rows that statistics tell it and on how
/// values are spread, and the spread of few rows is that of many.
pub const REAL_ROWS: u32 = 20_000;

/// Rows of each table that does not grow.
const BOUNDED_ROWS: u32 = 20;

/// How often a value occurs that belongs to several rows: four lines to an order.
const SHARE: u32 = 4;

/// How a column's values differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Each row has another.
    Distinct,
    /// [`SHARE`] neighbours have the same.
    Grouped,
    /// [`SHARE`] rows far from each other have the same, so that together with a grouped column it is unique.
    Scattered,
}

pub(super) async fn fill(connection: &mut PgConnection, catalogue: &Catalogue) {
    // Foreign keys hold by construction, and so need not be asked; the modules' triggers know nothing of these rows.
    execute(connection, "SET session_replication_role = replica").await;
    for (table, grows) in &catalogue.tables {
        for check in catalogue.checks_of(table) {
            let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {}", check.name);
            execute(connection, &drop).await;
        }
        execute(connection, &insert(catalogue, table, *grows)).await;
    }
    execute(
        connection,
        &format!(
            "SET session_replication_role = origin;
             ANALYZE;
             UPDATE pg_class SET reltuples = {ROWS} WHERE reltuples = {REAL_ROWS}"
        ),
    )
    .await;
}

fn insert(catalogue: &Catalogue, table: &str, grows: bool) -> String {
    let rows = if grows { REAL_ROWS } else { BOUNDED_ROWS };
    let spreads = spreads(catalogue, table);
    let columns: Vec<_> = catalogue
        .columns_of(table)
        .filter(|column| !column.generated)
        .collect();
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let values: Vec<_> = columns
        .iter()
        .map(|column| value(catalogue, table, column, spreads.get(column.name.as_str())))
        .collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM generate_series(0, {rows} - 1) AS i",
        names.join(", "),
        values.join(", "),
    )
}

/// How the columns of unique indexes have to differ.
fn spreads<'a>(catalogue: &'a Catalogue, table: &'a str) -> BTreeMap<&'a str, Spread> {
    let mut spreads = BTreeMap::new();
    for index in catalogue.unique_indexes_of(table) {
        let able: Vec<_> = catalogue
            .columns_of(table)
            .filter(|column| index.keys.contains(&column.name) && is_able(catalogue, table, column))
            .map(|column| column.name.as_str())
            .collect();
        match able[..] {
            [grouped, .., scattered] if !able.iter().any(|name| spreads.contains_key(name)) => {
                spreads.insert(grouped, Spread::Grouped);
                spreads.insert(scattered, Spread::Scattered);
            }
            [.., last] => {
                spreads.insert(last, Spread::Distinct);
            }
            [] => {}
        }
    }
    spreads
}

/// Whether the column has a value of its own for each row.
fn is_able(catalogue: &Catalogue, table: &str, column: &Column) -> bool {
    let parent_grows = catalogue
        .reference(table, &column.name)
        .is_none_or(|(key, _)| catalogue.grows(&key.parent));
    let wide = !matches!(column.kind.as_str(), "boolean" | "smallint");
    listed(catalogue, table, column).is_empty()
        && (!catalogue.grows(table) || (parent_grows && wide))
}

/// The expression for one column of row `i`.
fn value(catalogue: &Catalogue, table: &str, column: &Column, spread: Option<&Spread>) -> String {
    let listed = listed(catalogue, table, column);
    if !listed.is_empty() {
        let values = listed.join(", ");
        return format!("(ARRAY[{values}])[1 + i % {}]", listed.len());
    }
    let reference = catalogue.reference(table, &column.name);
    // Ids of others are shared; whatever else a row says is most often its own.
    let shared = reference.is_some() || column.kind == "uuid";
    let usual = if shared {
        Spread::Grouped
    } else {
        Spread::Distinct
    };
    let row = match spread.unwrap_or(&usual) {
        Spread::Distinct => "i".to_owned(),
        Spread::Grouped => format!("(i / {SHARE})"),
        Spread::Scattered => format!("(31 * i % {})", REAL_ROWS / SHARE),
    };
    let made = match reference {
        Some((key, position)) => {
            let seed = format!("{}.{}", key.parent, key.parent_columns[position]);
            let parents = if catalogue.grows(&key.parent) {
                REAL_ROWS
            } else {
                BOUNDED_ROWS
            };
            plain(&column.kind, &seed, &format!("({row} % {parents})"))
        }
        None => plain(&column.kind, &format!("{table}.{}", column.name), &row),
    };
    if column.nullable && spread.is_none() {
        format!("CASE WHEN i % 2 = 0 THEN {made} END")
    } else {
        made
    }
}

/// The value of type `kind` for the number `i` of the row that owns it.
fn plain(kind: &str, seed: &str, i: &str) -> String {
    let hash = format!("md5('{seed}' || {i})");
    match kind {
        "uuid" => format!("{hash}::uuid"),
        "text" | "character varying" => hash,
        "text[]" => format!("ARRAY[{hash}]"),
        "bytea" => format!("decode({hash} || {hash}, 'hex')"),
        "smallint" => format!("({i} % 30000)::smallint"),
        "integer" | "bigint" | "numeric" => i.to_owned(),
        "boolean" => format!("{i} % 10 <> 0"),
        "timestamp with time zone" => {
            format!("timestamptz '2026-01-01 00:00Z' + {i} * interval '1 minute'")
        }
        "date" => format!("date '2026-01-01' + {i} % 1000"),
        "jsonb" | "json" => format!("'{{}}'::{kind}"),
        "tsvector" => format!("to_tsvector('simple', {hash})"),
        other => panic!("{seed} is {other}: tell the gate how to make such a value"),
    }
}

/// The values that a CHECK allows, as SQL literals: `CHECK (status IN ('placed', 'paid'))`, which PostgreSQL gives back as
/// `CHECK ((status = ANY (ARRAY['placed'::text, 'paid'::text])))`.
fn listed(catalogue: &Catalogue, table: &str, column: &Column) -> Vec<String> {
    let opening = format!("CHECK (({} = ANY (ARRAY[", column.name);
    catalogue
        .checks_of(table)
        .find_map(|check| {
            let list = check.definition.strip_prefix(&opening)?;
            let (list, _) = list.split_once("])))")?;
            Some(list.split(", ").map(str::to_owned).collect())
        })
        .unwrap_or_default()
}
