//! The database that the queries are checked against: every migration, and a role for each module.

use std::{fs, path::PathBuf};

use anyhow::{Context, ensure};

use crate::{
    checkout::{self, shown},
    process::{self, Interrupt},
    services::Borrowed,
};

/// Made anew by every run.
pub(super) const NAME: &str = "query_check";

/// The schema that every module may use.
const SHARED: &str = "platform";

/// Creates the database with the modules' schemas.
pub(super) fn create(
    services: &Borrowed,
    modules: &[&str],
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let recreate = [
        format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"),
        format!("CREATE DATABASE {NAME}"),
    ];
    execute(services, "postgres", &recreate, interrupt)?;
    for module in modules {
        let schema = format!("CREATE SCHEMA {module}");
        execute(services, NAME, &[schema], interrupt)?;
        for migration in migrations(module)? {
            services
                .run_sql_file(NAME, &migration, interrupt)
                .context("apply the migrations")?;
        }
    }
    for module in modules {
        execute(services, NAME, &role(module, modules), interrupt)?;
    }
    Ok(())
}

fn migrations(module: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = checkout::root().join("migrations").join(module);
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("read {}", shown(&folder)))? {
        let file = entry.context("list the migrations")?.path();
        if file.to_string_lossy().ends_with(".up.sql") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The statements that make a module's role. It may touch every table: what it lacks is USAGE on its neighbours'
/// schemas, so that this alone is what the check can fail on.
fn role(module: &str, modules: &[&str]) -> Vec<String> {
    let role = role_name(module);
    let mut statements = vec![
        format!(
            "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        ),
        format!("GRANT USAGE ON SCHEMA {module}, {SHARED} TO {role}"),
    ];
    for schema in modules {
        statements.push(format!(
            "GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"
        ));
        statements.push(format!(
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
        ));
    }
    statements
}

/// The role that a module's queries are checked as.
pub(super) fn role_name(module: &str) -> String {
    format!("check_{module}")
}

fn execute(
    services: &Borrowed,
    database: &str,
    statements: &[String],
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let mut psql = services.psql(database)?;
    for statement in statements {
        psql.args(["-c", statement]);
    }
    // `DROP … IF EXISTS` tells about what was not there.
    psql.env("PGOPTIONS", "-c client_min_messages=warning");
    ensure!(
        process::run(&mut psql, interrupt)?.success(),
        "the database for checking queries could not be made: see PostgreSQL's message above"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_look_into_its_own_schema_and_platforms_alone() {
        let statements = role("orders", &["platform", "orders", "users"]);
        let usage: Vec<_> = statements
            .iter()
            .filter(|statement| statement.contains("USAGE"))
            .collect();
        assert_eq!(
            usage,
            ["GRANT USAGE ON SCHEMA orders, platform TO check_orders"]
        );
    }
}
