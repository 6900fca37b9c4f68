//! Reads every migration and refuses what would hurt the release that still runs (requirement B9).
//!
//! Most of it squawk finds, whose parser also serves the rules of our own (`own`). Which rule means what, why, and what to do
//! instead stands in one document each, `migrations/rules/<rule>.md`; its examples are tests.
//!
//! A file is judged by itself: what it does to a table that it creates harms nobody. That a table is new in the same release
//! is for a person to say, in a waiver. Asking git what was released was rejected: a checkout without tags would let
//! everything through.

mod own;
mod readers;
mod rules;
mod squawk;
mod views;
mod waivers;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode as _};

pub use self::readers::Reader;
pub use self::rules::{Example, Guide, guides};
use super::Finding;

/// What makes sqlx run a file without a transaction, as its first line.
const NO_TRANSACTION: &str = "-- no-transaction";

/// A file that changes a schema.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The schema, and the folder it lies in.
    pub module: String,
    /// Where it lies.
    pub place: String,
    /// What it says.
    pub text: String,
}

/// What the migrations are judged by.
#[derive(Clone, Debug)]
pub struct Linter {
    /// Every schema of the workspace: a migration names its own only.
    pub schemas: BTreeSet<String>,
    /// The columns that queries return.
    pub readers: Vec<Reader>,
    /// The release that is being made.
    pub release: String,
}

/// A rule that is broken, with the bytes where, and those of the statement around it.
#[derive(Clone, Debug)]
struct Trouble {
    rule: &'static str,
    what: String,
    at: usize,
    statement: Range<usize>,
}

/// A file that has been parsed, with what the rules ask of it.
struct Parsed<'a> {
    migration: &'a Migration,
    earlier: &'a [Migration],
    file: SourceFile,
    in_transaction: bool,
    /// The tables that it creates.
    new: BTreeSet<String>,
}

impl Linter {
    /// What the workspace at `root` is judged by.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            schemas: folders(root).into_iter().collect(),
            readers: readers::read(root),
            release: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// What is wrong with a migration that comes after `earlier` ones of its module.
    #[must_use]
    pub fn lint(&self, migration: &Migration, earlier: &[Migration]) -> Vec<Finding> {
        let parse = SourceFile::parse(&migration.text);
        let parsed = Parsed::new(migration, earlier, parse.tree());
        let mut troubles = squawk::troubles(&parsed, &parse);
        troubles.extend(own::troubles(&parsed, self));
        troubles.extend(parse.errors().iter().map(|error| Trouble {
            rule: "syntax",
            what: error.message().to_owned(),
            at: u32::from(error.range().start()) as usize,
            statement: 0..migration.text.len(),
        }));
        troubles.retain(|trouble| !parsed.is_harmless(trouble));
        troubles.sort_by_key(|trouble| trouble.at);
        let mut findings = waivers::judge(migration, &self.release, troubles);
        // Two of squawk's rules may be one of ours.
        findings.dedup_by(|a, b| a.rule.name == b.rule.name && a.place == b.place);
        findings
    }

    /// What is wrong with all of them.
    #[must_use]
    pub fn lint_all(&self, migrations: &[Migration]) -> Vec<Finding> {
        let files = migrations.iter().enumerate();
        files
            .flat_map(|(number, migration)| {
                let before = migrations[..number].iter();
                let earlier: Vec<_> = before
                    .filter(|other| other.module == migration.module)
                    .cloned()
                    .collect();
                self.lint(migration, &earlier)
            })
            .collect()
    }
}

impl Migration {
    /// A migration of `module` that lies nowhere.
    #[must_use]
    pub fn planted(module: &str, text: &str) -> Self {
        Self {
            module: module.to_owned(),
            place: "planted".to_owned(),
            text: text.to_owned(),
        }
    }

    fn place_of(&self, at: usize) -> String {
        format!("{}:{}", self.place, line_of(&self.text, at) + 1)
    }
}

impl<'a> Parsed<'a> {
    fn new(migration: &'a Migration, earlier: &'a [Migration], file: SourceFile) -> Self {
        let created = file.stmts().filter_map(|statement| match statement {
            ast::Stmt::CreateTable(table) => table.table_name().map(|name| name_of(&name)),
            ast::Stmt::CreateTableAs(table) => table.table_name().map(|name| name_of(&name)),
            ast::Stmt::CreateMaterializedView(view) => view.view().map(|name| name_of(&name)),
            _ => None,
        });
        Self {
            migration,
            earlier,
            in_transaction: !migration.text.starts_with(NO_TRANSACTION),
            new: created.collect(),
            file,
        }
    }

    fn trouble(
        &self,
        rule: &'static str,
        node: &impl ast::AstNode,
        what: impl Into<String>,
    ) -> Trouble {
        let at = start_of(node);
        Trouble {
            rule,
            what: what.into(),
            at,
            statement: self.statement_at(at),
        }
    }

    /// The bytes of the statement at `at`; of the whole file, where none is there.
    fn statement_at(&self, at: usize) -> Range<usize> {
        let statements = self.file.stmts().map(|statement| {
            let end = u32::from(statement.syntax().text_range().end());
            start_of(&statement)..end as usize
        });
        let mut around = statements.filter(|range| range.contains(&at));
        around.next().unwrap_or(0..self.migration.text.len())
    }

    /// Nobody uses a table yet that the same file creates: only what its own shape promises still counts.
    fn is_harmless(&self, trouble: &Trouble) -> bool {
        const OF_SHAPE: [&str; 8] = [
            "cross-schema",
            "do-block",
            "domain",
            "enum",
            "name-too-long",
            "no-transaction",
            "schema-qualified",
            "types",
        ];
        let statement = self
            .file
            .stmts()
            .find(|statement| start_of(statement) == trouble.statement.start);
        let subject = statement.and_then(|statement| subject_of(&statement));
        self.in_transaction
            && !OF_SHAPE.contains(&trouble.rule)
            && subject.is_some_and(|table| self.new.contains(&table))
    }
}

/// The first table or view that a statement names: the one that it is about.
fn subject_of(statement: &ast::Stmt) -> Option<String> {
    let mut nodes = statement.syntax().descendants();
    let name = nodes.find(|node| {
        let kind = node.kind();
        ast::TableNameRef::can_cast(kind)
            || ast::RelationNameRef::can_cast(kind)
            || ast::ViewRef::can_cast(kind)
    });
    name.map(|name| plain(&name.text().to_string()))
}

/// A name as PostgreSQL understands it where nothing in it needs quotes.
fn name_of(node: &impl ast::AstNode) -> String {
    plain(&node.syntax().text().to_string())
}

fn plain(name: &str) -> String {
    name.trim().replace('"', "").to_lowercase()
}

/// The first byte of a node that is neither blank nor comment.
fn start_of(node: &impl ast::AstNode) -> usize {
    let children = node.syntax().children_with_tokens();
    let mut solid = children.filter(|child| !child.kind().is_trivia());
    let first = solid.next().map(|child| child.text_range().start());
    let start = first.unwrap_or_else(|| node.syntax().text_range().start());
    u32::from(start) as usize
}

/// Counted from nought.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count()
}

/// The folders of migrations at `root`, one a schema.
fn folders(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("migrations")).expect("a folder of migrations");
    let paths = entries.map(|entry| entry.expect("an entry of a folder").path());
    let mut names: Vec<_> = paths
        .filter(|path| !files(path).is_empty())
        .map(|path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The names of a folder's migrations, in the order in which they are applied.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("an entry of a folder").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".up.sql")).collect();
    names.sort();
    names
}

/// Every migration of the workspace at `root`, module by module, in the order in which they are applied.
#[must_use]
pub fn migrations(root: &Path) -> Vec<Migration> {
    let mut migrations = Vec::new();
    for module in folders(root) {
        let folder = root.join("migrations").join(&module);
        for file in files(&folder) {
            migrations.push(Migration {
                place: format!("migrations/{module}/{file}"),
                text: fs::read_to_string(folder.join(&file)).expect("a migration"),
                module: module.clone(),
            });
        }
    }
    assert!(
        !migrations.is_empty(),
        "no migrations: where is {}?",
        root.display()
    );
    migrations
}
