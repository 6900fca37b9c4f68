//! A query that names a neighbour's table does not compile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use platform::testing::{TestDatabase, services};
use sqlx::{Connection as _, PgConnection};

/// A copy of the sources below the target folder, so that what the tests built is built only once.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let root = Path::new("..");
        let scratch = target().join("planted").join(name);
        if scratch.exists() {
            fs::remove_dir_all(&scratch).unwrap();
        }
        fs::create_dir_all(&scratch).unwrap();
        for entry in [
            "Cargo.toml",
            "Cargo.lock",
            "crates",
            "migrations",
            "tests",
            ".cargo",
        ] {
            copy(&root.join(entry), &scratch.join(entry));
        }
        Self(scratch)
    }

    /// Adds `source` to the end of a file.
    fn plant(&self, file: &str, source: &str) {
        let path = self.0.join(file);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(path, format!("{before}\n{source}\n")).unwrap();
    }

    /// Compiles `package` with its queries checked at `database_url`; gives what the compiler said when it refused.
    fn check(&self, package: &str, database_url: &str) -> Result<(), String> {
        let variable = format!("{}_CHECK_DATABASE_URL", package.to_uppercase());
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--package", package])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target())
            .env(variable, database_url)
            .env("SQLX_OFFLINE", "false")
            .output()
            .unwrap();
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn target() -> PathBuf {
    let test_binary = std::env::current_exe().unwrap();
    let profile = test_binary.ancestors().nth(2).unwrap();
    profile.parent().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// The role that `cargo xtask prepare` checks the crate `orders` as: it may look into its own schema and platform's.
#[expect(
    clippy::disallowed_methods,
    reason = "roles are nothing that a module may make"
)]
async fn checking_role(database: &TestDatabase) -> String {
    let mut superuser = PgConnection::connect(&services().superuser_database_url)
        .await
        .unwrap();
    let role = "check_orders_planted";
    sqlx::raw_sql(
        "DO $$ BEGIN CREATE ROLE check_orders_planted LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    let mut migrator = PgConnection::connect(database.url_of("migrator").as_str())
        .await
        .unwrap();
    sqlx::raw_sql(
        "GRANT USAGE ON SCHEMA orders, platform TO check_orders_planted;
         GRANT ALL ON ALL TABLES IN SCHEMA orders, platform, billing TO check_orders_planted",
    )
    .execute(&mut migrator)
    .await
    .unwrap();
    database.url_of(role).to_string()
}

#[tokio::test]
async fn a_join_into_another_schema_does_not_compile() {
    let database = TestDatabase::create(&server::migrations::all()).await;
    let url = checking_role(&database).await;

    let sound = Scratch::new("sound");
    sound.plant(
        "crates/orders/src/db.rs",
        r#"pub(crate) async fn planted(connection: &mut sqlx::PgConnection) -> sqlx::Result<Option<i64>> {
            sqlx::query_scalar!("SELECT count(*) FROM orders.orders JOIN platform.events ON false")
                .fetch_one(connection).await
        }"#,
    );
    assert_eq!(sound.check("orders", &url), Ok(()));

    let crossing = Scratch::new("crossing");
    crossing.plant(
        "crates/orders/src/db.rs",
        r#"pub(crate) async fn planted(connection: &mut sqlx::PgConnection) -> sqlx::Result<Option<i64>> {
            sqlx::query_scalar!("SELECT count(*) FROM orders.orders JOIN billing.payments ON false")
                .fetch_one(connection).await
        }"#,
    );
    let refusal = crossing.check("orders", &url).unwrap_err();
    assert!(
        refusal.contains("permission denied for schema billing"),
        "{refusal}"
    );
}
