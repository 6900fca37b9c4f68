//! PostgreSQL: the pool, its limits, and what its errors mean.

mod connection;
mod silence;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

pub use self::connection::{Connection, Tx};
use self::silence::Silence;
pub use self::silence::Silent;

/// How to reach PostgreSQL.
///
/// Statement and idle-in-transaction timeouts are not here: they are settings of the role `app` (see
/// `deploy/postgres/roles.sql`), because `PgBouncer` refuses them as start-up options.
#[derive(Clone, Debug)]
pub struct DbSettings {
    /// `postgres://…`, with the role `app`.
    pub url: SecretString,
    /// The most connections that this process opens. About 10 serve 2 cores best.
    pub pool_size: u32,
    /// How long a caller waits for a connection before it is told that the application is overloaded.
    pub acquire_timeout: Duration,
}

/// PostgreSQL; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
    url: SecretString,
    silence: Arc<Silence>,
}

impl Db {
    /// Makes the pool. It connects when first used, so the process starts while the database is away.
    ///
    /// # Errors
    /// If the address cannot be read.
    pub fn new(settings: &DbSettings) -> anyhow::Result<Self> {
        let options: PgConnectOptions = settings.url.expose_secret().parse().context(
            "read the database's address: it should look like postgres://user:password@host/name",
        )?;
        Ok(Self {
            pool: pool(options, settings.pool_size, settings.acquire_timeout),
            url: settings.url.clone(),
            silence: Arc::default(),
        })
    }

    /// The same database through one connection of its own, for upkeep that must go on while others hold all of the pool's.
    pub(crate) fn apart(&self) -> Self {
        let options = self.pool.connect_options();
        let patience = self.pool.options().get_acquire_timeout();
        Self {
            pool: pool((*options).clone(), 1, patience),
            url: self.url.clone(),
            silence: Arc::default(),
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// If no connection was free in time ([`is_overload`]) or the database cannot be reached.
    pub async fn begin(&self) -> anyhow::Result<Tx> {
        let connection = self.acquire().await?;
        Tx::begin(connection).await.context("begin transaction")
    }

    /// Takes a connection for reading.
    ///
    /// # Errors
    /// If no connection was free in time ([`is_overload`]) or the database cannot be reached.
    pub async fn acquire(&self) -> anyhow::Result<Connection> {
        self.silence.refuse().context("acquire connection")?;
        let connection = self.pool.acquire().await;
        if matches!(connection, Err(sqlx::Error::PoolTimedOut)) {
            // Nobody has given one back, or the database has not greeted a new one.
            self.silence.suspect(self.pool.connect_options());
        }
        let connection = connection.context("acquire connection")?;
        Ok(Connection::new(connection))
    }

    /// Runs `work` until it is done, or until the database answers nobody while `work` holds a connection. A statement that
    /// takes long is waited for as long as the database still answers others. While it does not, `work` is refused
    /// connections at once.
    ///
    /// Nothing is asked on account of work that is done within half a second. Ended in the middle of a commit, its outcome is
    /// unknown, as after any answer that was lost.
    ///
    /// # Errors
    /// If the database was silent: within 2 s.
    pub async fn unless_silent<F: Future>(&self, work: F) -> Result<F::Output, Silent> {
        let database = || self.pool.connect_options();
        self.silence.watch(database, work).await
    }

    /// The pool itself, for its gauges and for readiness.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of its own outside the pool, to wait for notifications on.
    pub(crate) async fn listener(&self) -> Result<sqlx::postgres::PgListener, sqlx::Error> {
        sqlx::postgres::PgListener::connect(self.url.expose_secret()).await
    }
}

fn pool(options: PgConnectOptions, size: u32, patience: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(patience)
        // A ping on each acquire costs a third of a one-row read. Only a connection that has lain idle may have been cut
        // off unnoticed.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options.log_statements(tracing::log::LevelFilter::Debug))
}

/// Whether `error` says that the constraint called `constraint` was violated: how a constraint becomes an outcome.
#[must_use]
pub fn violates(error: &sqlx::Error, constraint: &str) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.constraint() == Some(constraint))
}

/// Whether somewhere in `error`'s chain the database said "not now": no connection was free in time, the database is
/// silent, starting, stopping or out of connections, or a statement ran into its timeout. Trying again later helps.
#[must_use]
pub fn is_overload(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Silent>() || cause.downcast_ref::<sqlx::Error>().is_some_and(is_not_now)
    })
}

fn is_not_now(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLSTATE class 08: the connection, as a pooler in between reports it; 53: insufficient resources; 57: operator
        // intervention (cancelled, shutting down, starting); 55P03: lock_timeout; 55000 when connecting: the database
        // takes no connections. https://www.postgresql.org/docs/current/errcodes-appendix.html
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            let is_of = |class: &&str| code.starts_with(class);
            ["08", "53", "57"].iter().any(is_of) || ["55P03", "55000"].contains(&&*code)
        }),
        _ => false,
    }
}
