//! `cargo xtask prepare`: what the committed `.sqlx` folders say about each query, taken from a live database.
//!
//! Each crate with an `sqlx.toml` is checked as a role of its own that may look into the crate's schema and platform's
//! alone. PostgreSQL looks at USAGE when a statement is prepared, so a query that names a neighbour's table fails here.

mod database;
mod folder;

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, Metadata, Package, shown},
    process::{self, Interrupt},
    services::Borrowed,
};
use folder::{Difference, read, replace};

pub(crate) fn run(check: bool, interrupt: &Interrupt) -> anyhow::Result<()> {
    let metadata = checkout::metadata()?;
    let modules = modules(&metadata)?;
    let services = Borrowed::new(interrupt)?;
    let names: Vec<_> = modules.iter().map(Module::name).collect();
    database::create(&services, &names, interrupt)?;

    for module in &modules {
        let scratch = metadata
            .target_directory
            .join("prepare")
            .join(module.name());
        let url = services
            .addresses()
            .database_url(&database::role_name(module.name()), database::NAME);
        describe_queries(module, &modules, &url, &scratch, interrupt)?;
        let committed = module.package.folder().join(".sqlx");
        let difference = Difference::between(&read(&scratch)?, &read(&committed)?);
        if difference.is_none() {
            println!("{}: up to date", shown(&committed));
            continue;
        }
        // The crates above are compiled from this folder, so there is no point in going on without it.
        ensure!(
            !check,
            "{} is not up to date ({difference}): run `cargo xtask prepare` and commit what it writes",
            shown(&committed)
        );
        replace(&committed, &scratch)?;
        println!("{}: {difference}", shown(&committed));
    }
    Ok(())
}

/// A crate with queries of its own, and the schema that it owns.
struct Module<'a> {
    package: &'a Package,
    url_variable: String,
}

impl Module<'_> {
    /// Crate and schema are called the same.
    fn name(&self) -> &str {
        &self.package.name
    }
}

/// Every crate with an `sqlx.toml`, those that others depend on first.
fn modules(metadata: &Metadata) -> anyhow::Result<Vec<Module<'_>>> {
    let mut modules = Vec::new();
    for package in &metadata.packages {
        let settings = package.folder().join("sqlx.toml");
        if let Ok(settings) = fs::read_to_string(&settings) {
            let url_variable = url_variable(&settings)
                .with_context(|| format!("{} names no database-url-var", package.name))?;
            modules.push(Module {
                package,
                url_variable: url_variable.to_owned(),
            });
        }
    }
    // Two floors are enough: platform, and the modules, which do not depend on each other.
    let floor = |module: &Module<'_>| {
        let others = metadata.packages.iter().map(|package| &package.name);
        others
            .filter(|other| other.as_str() != module.name() && module.package.depends_on(other))
            .count()
    };
    modules.sort_by_key(floor);
    Ok(modules)
}

/// The one line that matters of an `sqlx.toml`, which spares a parser.
fn url_variable(settings: &str) -> Option<&str> {
    settings
        .lines()
        .find_map(|line| line.trim().strip_prefix("database-url-var"))
        .and_then(|rest| rest.split('"').nth(1))
}

/// Compiles a crate with its queries checked live, and what was learnt about each written into a folder.
///
/// Only this crate gets an address to ask: the crates that it depends on are compiled from their committed folders, so
/// they write nothing here.
fn describe_queries(
    module: &Module<'_>,
    modules: &[Module<'_>],
    url: &str,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    fs::remove_dir_all(folder).ok();
    fs::create_dir_all(folder).with_context(|| format!("create {}", shown(folder)))?;
    touch(&module.package.folder().join("src/lib.rs"))?;
    let mut check = checkout::cargo(["check", "--quiet", "--all-features", "--all-targets", "-p"]);
    check.arg(module.name());
    for other in modules {
        check.env_remove(&other.url_variable);
    }
    check
        .env(&module.url_variable, url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", folder);
    ensure!(
        process::run(&mut check, interrupt)?.success(),
        "the queries of {} do not compile: see the messages above",
        module.name()
    );
    Ok(())
}

/// Makes cargo compile a crate again: it does not know that the macros ask a database.
pub(crate) fn touch(file: &Path) -> anyhow::Result<()> {
    let source = File::options().append(true).open(file);
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo compares with the system's clock, so no other one will do"
    )]
    let now = std::time::SystemTime::now();
    source
        .and_then(|source| source.set_modified(now))
        .with_context(|| format!("touch {}", shown(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_from_the_settings() {
        let settings = "# why\n[common]\ndatabase-url-var = \"USERS_CHECK_DATABASE_URL\"\n";
        assert_eq!(url_variable(settings), Some("USERS_CHECK_DATABASE_URL"));
        assert_eq!(url_variable("[migrate]"), None);
    }
}
