//! A database per test, copied from a template that holds the migrated schemas.
//!
//! Copying is many times faster than migrating. A template is named after the checksums of its migrations, so it is made
//! once, by whichever test process comes first, and an edited migration makes another.

mod contents;

use chrono::TimeDelta;
use kernel::{Clock, Entropy};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;
use url::Url;

pub use self::contents::PublishedEvent;
pub(super) use self::contents::{all_events, dump, events, jobs_waiting};
use super::{ACQUIRE_TIMEOUT, POOL_SIZE, Wire, services};
use crate::db::DbSettings;
use crate::migrations;

/// Held shared while a template is copied, and alone while one is made or old ones are dropped.
const LOCK: i64 = 0x7465_6d70_6c61_7465;

/// Databases of tests that were killed are dropped when they are older than this.
const LEFTOVER_AGE: TimeDelta = TimeDelta::hours(1);

/// Templates are dropped when they are older than this: most belong to migrations that have been edited since.
const TEMPLATE_AGE: TimeDelta = TimeDelta::days(7);

/// A database that is dropped with this value.
pub struct TestDatabase {
    name: String,
    /// The address of the server whose database it is, if that is not the one that all tests share: its owner ends it.
    elsewhere: Option<Url>,
}

impl TestDatabase {
    /// A new database with the schema `platform` and those of `modules`.
    pub async fn create(modules: &[&Migrator]) -> Self {
        static PREPARED: OnceCell<()> = OnceCell::const_new();
        PREPARED.get_or_init(prepare_server).await;

        let migrators: Vec<_> = [&crate::MIGRATOR]
            .into_iter()
            .chain(modules.iter().copied())
            .collect();
        let template = template_name(&migrators);
        let (born, random) = (
            Clock::system().now().timestamp(),
            Entropy::system().bytes::<8>(),
        );
        let name = format!("test_{born}_{}", hex::encode(random));
        let copy = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER migrator");

        let mut server = connect_as_superuser(None).await;
        lock(&mut server, "pg_advisory_lock_shared").await;
        if !exists(&mut server, &template).await {
            lock(&mut server, "pg_advisory_unlock_shared").await;
            lock(&mut server, "pg_advisory_lock").await;
            if !exists(&mut server, &template).await {
                make_template(&mut server, &template, &migrators).await;
            }
        }
        execute(&mut server, &copy).await;
        // Ends the session, and with it the lock.
        server.close().await.expect("a connection that closes");
        Self {
            name,
            elsewhere: None,
        }
    }

    /// One that is there, at this address for its superuser. The roles have the superuser's password. It is not dropped.
    #[must_use]
    pub fn elsewhere(url: Url) -> Self {
        Self {
            name: url.path().trim_start_matches('/').to_owned(),
            elsewhere: Some(url),
        }
    }

    fn server_url(&self) -> Url {
        self.elsewhere.clone().unwrap_or_else(server_url)
    }

    /// How to connect to it as the application does.
    #[must_use]
    pub fn settings(&self) -> DbSettings {
        DbSettings {
            url: self.url_of("app").to_string().into(),
            pool_size: POOL_SIZE,
            acquire_timeout: ACQUIRE_TIMEOUT,
        }
    }

    /// Its address for `role`: `app` or `migrator`.
    #[must_use]
    pub fn url_of(&self, role: &str) -> Url {
        let mut url = self.server_url();
        url.set_path(&self.name);
        url.set_username(role)
            .expect("TEST_SUPERUSER_DATABASE_URL is postgres://…");
        url
    }
}

impl TestDatabase {
    /// Takes the database away from everybody, or gives it back.
    pub async fn set_reachable(&self, reachable: bool) {
        let mut server = connect_as_superuser(None).await;
        let name = &self.name;
        let allow = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {reachable}");
        execute(&mut server, &allow).await;
        if !reachable {
            self.end_sessions().await;
        }
    }

    /// Ends every session, as a restart does.
    pub async fn end_sessions(&self) {
        let mut server = connect_as_superuser(None).await;
        let name = &self.name;
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        execute(&mut server, &end).await;
    }

    /// A wire to its server.
    pub async fn wire(&self) -> Wire {
        let url = self.server_url();
        let host = url.host_str().unwrap_or("localhost");
        Wire::to(format!("{host}:{}", url.port().unwrap_or(5432))).await
    }

    /// Its address for the application, over `wire`.
    #[must_use]
    pub fn url_over(&self, wire: &Wire) -> SecretString {
        let mut url = self.url_of("app");
        url.set_ip_host(wire.address().ip())
            .and_then(|()| url.set_port(Some(wire.address().port())))
            .expect("TEST_SUPERUSER_DATABASE_URL is postgres://…");
        url.to_string().into()
    }

    /// Its address for the server's superuser, who may look at everything.
    #[must_use]
    pub fn superuser_url(&self) -> Url {
        let mut url = self.server_url();
        url.set_path(&self.name);
        url
    }
}

impl Drop for TestDatabase {
    /// On a thread with a runtime of its own, and waited for: the test's runtime is at its end, and so may be the process.
    fn drop(&mut self) {
        if self.elsewhere.is_some() {
            return;
        }
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut server = connect_as_superuser(None).await;
                execute(&mut server, &statement).await;
            });
        });
        // A test that fails already must not abort the process: the leftovers are dropped by a later run.
        let _ = dropped.join();
    }
}

/// Makes the roles and drops what killed tests left behind.
async fn prepare_server() {
    let mut server = connect_as_superuser(None).await;
    lock(&mut server, "pg_advisory_lock").await;
    for role in ["app", "migrator"] {
        make_role(&mut server, role).await;
    }
    let before = (Clock::system().now() - LEFTOVER_AGE).timestamp();
    for leftover in leftovers(&mut server, before).await {
        execute(&mut server, &format!("DROP DATABASE IF EXISTS {leftover}")).await;
    }
    server.close().await.expect("a connection that closes");
}

/// Makes a role that logs in with the superuser's password, where that has one: a server that asks for passwords asks
/// everybody.
async fn make_role(server: &mut PgConnection, role: &str) {
    let exists = sqlx::query_scalar!("SELECT oid FROM pg_roles WHERE rolname = $1", role)
        .fetch_optional(&mut *server)
        .await
        .expect("a list of roles");
    if exists.is_none() {
        let url = server_url();
        let password = url
            .password()
            .map(|password| format!("PASSWORD '{password}'"));
        let password = password.unwrap_or_default();
        execute(server, &format!("CREATE ROLE {role} LOGIN {password}")).await;
    }
}

/// Migrates under another name, so that a template is never seen half-made.
async fn make_template(server: &mut PgConnection, template: &str, migrators: &[&Migrator]) {
    let now = Clock::system().now();
    for old in templates(server, (now - TEMPLATE_AGE).timestamp()).await {
        execute(server, &format!("DROP DATABASE {old} WITH (FORCE)")).await;
    }
    let unfinished = format!("unfinished_{template}");
    execute(
        server,
        &format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"),
    )
    .await;
    execute(
        server,
        &format!("CREATE DATABASE {unfinished} OWNER migrator"),
    )
    .await;
    let mut connection = connect_as_superuser(Some(&unfinished)).await;
    execute(&mut connection, "SET ROLE migrator").await;
    migrations::apply(&mut connection, migrators)
        .await
        .expect("migrations that apply to an empty database");
    connection.close().await.expect("a connection that closes");
    for statement in [
        format!("COMMENT ON DATABASE {unfinished} IS '{}'", now.timestamp()),
        format!("ALTER DATABASE {unfinished} RENAME TO {template}"),
    ] {
        execute(server, &statement).await;
    }
}

/// `template_` and a hash of everything that the migrations say.
fn template_name(migrators: &[&Migrator]) -> String {
    let mut hash = Sha256::new();
    for migrator in migrators {
        hash.update(migrator.table_name.as_bytes());
        for migration in migrator.iter() {
            hash.update(migration.version.to_be_bytes());
            hash.update(&migration.checksum);
        }
    }
    format!("template_{}", hex::encode(&hash.finalize()[..12]))
}

/// Databases of tests that began before `before` and to which nobody is connected.
async fn leftovers(server: &mut PgConnection, before: i64) -> Vec<String> {
    sqlx::query_scalar!(
        r#"SELECT datname::text AS "name!" FROM pg_database
           WHERE substring(datname FROM '^test_([0-9]+)_[0-9a-f]{16}$')::bigint < $1
             AND NOT EXISTS (SELECT FROM pg_stat_activity AS session WHERE session.datname = pg_database.datname)"#,
        before,
    )
    .fetch_all(server)
    .await
    .expect("a list of databases")
}

/// Templates that were made before `before`.
async fn templates(server: &mut PgConnection, before: i64) -> Vec<String> {
    sqlx::query_scalar!(
        r#"SELECT datname::text AS "name!" FROM pg_database
           WHERE datname ~ '^template_[0-9a-f]{24}$'
             AND substring(shobj_description(oid, 'pg_database') FROM '^[0-9]+$')::bigint < $1"#,
        before,
    )
    .fetch_all(server)
    .await
    .expect("a list of databases")
}

async fn exists(server: &mut PgConnection, database: &str) -> bool {
    sqlx::query_scalar!("SELECT oid FROM pg_database WHERE datname = $1", database)
        .fetch_optional(server)
        .await
        .expect("a list of databases")
        .is_some()
}

async fn connect_as_superuser(database: Option<&str>) -> PgConnection {
    let mut url = server_url();
    if let Some(database) = database {
        url.set_path(database);
    }
    PgConnection::connect(url.as_str())
        .await
        .expect("PostgreSQL answers: see `cargo xtask services up`")
}

/// Calls one of PostgreSQL's functions for advisory locks. A lock ends with the session at the latest.
async fn lock(server: &mut PgConnection, function: &str) {
    execute(server, &format!("SELECT {function}({LOCK})")).await;
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    if let Err(error) = connection.execute(AssertSqlSafe(statement)).await {
        panic!("{statement}: {error}");
    }
}

fn server_url() -> Url {
    services()
        .superuser_database_url
        .parse()
        .expect("TEST_SUPERUSER_DATABASE_URL is an address")
}
