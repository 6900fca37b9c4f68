//! Whether the database answers at all. One that is stopped and a host that has vanished say nothing, and neither does a long
//! statement: only somebody else can tell them apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::{sleep, timeout};

/// How long work goes on before anybody looks whether it waits for the database: nearly all is done by then.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often is looked after that. Also the pause after each question: however much is slow, the database is greeted by no
/// more than five new connections a second.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How long the database may take to greet a new connection and to answer it. With the two above this makes up the 2 s
/// within which whoever waits for a database that is silent is told so.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The database does not answer on any connection.
#[derive(Debug, thiserror::Error)]
#[error("the database has fallen silent")]
pub struct Silent;

tokio::task_local! {
    /// How many connections the work of this task holds.
    static HELD: Arc<AtomicUsize>;
}

/// A connection that is held by work that ends when the database falls silent. Other work's are not counted.
#[derive(Debug)]
pub(super) struct Held(Option<Arc<AtomicUsize>>);

impl Held {
    pub(super) fn by_this_task() -> Self {
        let count = HELD.try_with(Arc::clone).ok();
        if let Some(count) = &count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self(count)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What this process knows of the database's silence.
#[derive(Debug, Default)]
pub(super) struct Silence {
    is_known: AtomicBool,
    is_asked_about: AtomicBool,
}

impl Silence {
    /// Runs `work` until it is done, or holds a connection to a database that is silent.
    pub(super) async fn watch<F: Future>(
        self: &Arc<Self>,
        database: impl Fn() -> Arc<PgConnectOptions>,
        work: F,
    ) -> Result<F::Output, Silent> {
        let held = Arc::new(AtomicUsize::new(0));
        let mut work = std::pin::pin!(HELD.scope(Arc::clone(&held), work));
        let mut patience = PATIENCE;
        loop {
            if let Ok(output) = timeout(patience, &mut work).await {
                return Ok(output);
            }
            patience = LOOK_AGAIN;
            if held.load(Ordering::Relaxed) == 0 {
                continue;
            }
            if self.is_known.load(Ordering::Relaxed) {
                return Err(Silent);
            }
            self.suspect(database());
        }
    }

    /// Refuses work of this task that would end at once.
    pub(super) fn refuse(&self) -> Result<(), Silent> {
        let is_ended = HELD.try_with(|_| ()).is_ok();
        if is_ended && self.is_known.load(Ordering::Relaxed) {
            return Err(Silent);
        }
        Ok(())
    }

    /// Has the database asked, by one for all, until it answers.
    pub(super) fn suspect(self: &Arc<Self>, database: Arc<PgConnectOptions>) {
        if self.is_asked_about.swap(true, Ordering::Relaxed) {
            return;
        }
        let silence = Arc::clone(self);
        tokio::spawn(async move {
            while !answers(&database).await {
                if !silence.is_known.swap(true, Ordering::Relaxed) {
                    tracing::error!("the database has fallen silent");
                }
                sleep(LOOK_AGAIN).await;
            }
            if silence.is_known.swap(false, Ordering::Relaxed) {
                tracing::info!("the database answers again");
            }
            sleep(LOOK_AGAIN).await;
            silence.is_asked_about.store(false, Ordering::Relaxed);
        });
    }
}

/// Asks on a connection of its own: the pool's may all be held, and one that was kept may have been cut off alone.
///
/// A refusal is an answer too. Whoever has a connection to a database that is gone hears of it without help.
async fn answers(database: &PgConnectOptions) -> bool {
    let asking = async {
        let mut connection = database.connect().await?;
        // A pooler in between greets by itself, and passes only statements on.
        connection.execute("SELECT 1").await?;
        connection.close().await
    };
    match timeout(ANSWER_WITHIN, asking).await {
        Ok(answer) => {
            if let Err(error) = answer {
                tracing::warn!(%error, "the database refuses a connection");
            }
            true
        }
        Err(_) => false,
    }
}
