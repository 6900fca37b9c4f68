//! Processes that are stopped in the middle of whatever they do, as `kill -STOP`, a full disk or a paused virtual machine
//! stop them.
#![expect(
    clippy::disallowed_methods,
    reason = "it looks at all schemas at once, which no module's checked queries can"
)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection as _, PgConnection};

use crate::Shop;

/// Processes that do not run until this value is gone.
#[must_use = "they go on when this is dropped"]
#[derive(Debug)]
pub struct Frozen(Vec<Pid>);

impl Frozen {
    /// Freezes processes.
    pub fn new(pids: impl IntoIterator<Item = u32>) -> Self {
        let pids = pids.into_iter().map(|pid| {
            let pid = Pid::from_raw(pid.try_into().expect("a process id"));
            kill(pid, Signal::SIGSTOP).expect("a process that can be stopped");
            pid
        });
        Self(pids.collect())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            // It may have been killed in the meantime.
            let _ = kill(*pid, Signal::SIGCONT);
        }
    }
}

impl Shop {
    /// Freezes PostgreSQL: the sessions of this shop, and the process that takes new ones.
    pub async fn freeze_postgres(&self) -> Frozen {
        let mut connection = self.connect().await;
        let sessions: Vec<i32> = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_all(&mut connection)
        .await
        .expect("a list of sessions");
        let postmaster: String = sqlx::query_scalar("SELECT pg_read_file('postmaster.pid', 0, 16)")
            .fetch_one(&mut connection)
            .await
            .expect("the postmaster's file");
        close(connection).await;
        let postmaster = postmaster.lines().next().expect("a process id");
        let sessions = sessions.iter().map(|pid| pid.unsigned_abs());
        Frozen::new(sessions.chain([postmaster.trim().parse().expect("a process id")]))
    }

    /// Freezes Redis.
    pub async fn freeze_redis(&self) -> Frozen {
        let about = self.redis(&["INFO server"]).await;
        let mut pids = about
            .iter()
            .filter_map(|line| line.strip_prefix("process_id:"));
        let pid = pids.next().expect("Redis tells its process id");
        Frozen::new([pid.parse().expect("a process id")])
    }
}

async fn close(connection: PgConnection) {
    connection.close().await.expect("a connection that closes");
}
