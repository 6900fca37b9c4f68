use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Database, PgConnection, Postgres};
use sqlx_core::transaction::TransactionManager;

use super::silence::Held;

/// How long a connection may take to show, on its way back to the pool, that it still works.
const RETURN_WITHIN: Duration = Duration::from_secs(5);

/// A connection of the pool, which goes back when this is dropped.
///
/// sqlx asks a returning connection whether it still works, and waits for the answer without a limit, its place in the pool
/// taken. A connection whose other end is silent (a host that vanished, a network that was split) would hold that place for
/// ever, and ten of them the whole pool, long after the database is back. Here it is given up after [`RETURN_WITHIN`].
#[derive(Debug)]
pub struct Connection {
    connection: Option<PoolConnection<Postgres>>,
    _held: Held,
}

impl Connection {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self {
            connection: Some(connection),
            _held: Held::by_this_task(),
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(HELD)
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(HELD)
    }
}

const HELD: &str = "a connection is held until it is dropped";

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let returned = tokio::time::timeout(RETURN_WITHIN, connection.return_to_pool());
            tokio::spawn(async {
                if returned.await.is_err() {
                    tracing::warn!("the database does not answer on a connection: it is given up");
                }
            });
        }
    }
}

/// A transaction: what publishing and enqueueing ask for. Dropped without a commit, it rolls back.
#[derive(Debug)]
pub struct Tx(Connection);

type Manager = <Postgres as Database>::TransactionManager;

impl Tx {
    pub(super) async fn begin(mut connection: Connection) -> sqlx::Result<Self> {
        Manager::begin(&mut connection, None).await?;
        Ok(Self(connection))
    }

    /// Makes everything that was written in it last.
    ///
    /// # Errors
    /// If the database refuses or does not answer. In the second case it may have committed all the same.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        Manager::commit(&mut self.0).await
    }

    /// Undoes it and waits until that is done.
    ///
    /// # Errors
    /// If the database does not answer; it then undoes it by itself.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        Manager::rollback(&mut self.0).await
    }
}

impl Drop for Tx {
    /// Nothing, once it was committed; else the rollback is sent when the connection goes back to the pool.
    fn drop(&mut self) {
        Manager::start_rollback(&mut self.0);
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
