//! The columns that the workspace's queries return, from the `.sqlx` folders.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A query that returns a column as it stands in its table.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The crate, and what the query begins with.
    pub place: String,
    /// The table, with its schema.
    pub table: String,
    /// The column there.
    pub column: String,
    /// Whether the query says `AS "name?"`, and so reads an `Option` whatever the column promises.
    pub optional: bool,
}

#[derive(Deserialize)]
struct Prepared {
    query: String,
    describe: Describe,
}

#[derive(Deserialize)]
struct Describe {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    origin: Origin,
}

/// Where sqlx says that a column of the result comes from.
#[derive(Deserialize)]
enum Origin {
    Table { table: String, name: String },
    Expression,
    Unknown,
}

pub(super) fn read(root: &Path) -> Vec<Reader> {
    let mut readers = Vec::new();
    for package in entries(&root.join("crates")) {
        for file in entries(&package.join(".sqlx")) {
            let text = fs::read_to_string(&file).expect("a prepared query");
            let prepared: Prepared = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let name = package.file_name().unwrap_or_default().to_string_lossy();
            let start: String = prepared.query.chars().take(60).collect();
            let place = format!("`{start}…` in crates/{name}");
            let columns = prepared.describe.columns.into_iter();
            readers.extend(columns.filter_map(|returned| match returned.origin {
                Origin::Table { table, name } => Some(Reader {
                    place: place.clone(),
                    table,
                    column: name,
                    optional: returned.name.ends_with('?'),
                }),
                Origin::Expression | Origin::Unknown => None,
            }));
        }
    }
    assert!(!readers.is_empty(), "no prepared queries: where is .sqlx?");
    readers
}

/// What lies in a folder; nothing, where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry of a folder").path())
        .collect();
    paths.sort();
    paths
}
