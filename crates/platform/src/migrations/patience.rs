use std::time::Duration;

use kernel::Entropy;
use sqlx::migrate::Migration;
use tokio::time::sleep;

/// How long a migration may keep others waiting, and how often it is tried.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How long a statement waits for a lock. Whoever comes later queues up behind it and waits as long.
    pub lock_timeout: Duration,
    /// The same for what runs in no transaction, such as `CREATE INDEX CONCURRENTLY`: it waits for those who are at work
    /// already, and nobody waits for it.
    pub lock_timeout_alone: Duration,
    /// How often it is tried before it is given up.
    pub attempts: u32,
    /// About how long it rests in between.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(2),
            lock_timeout_alone: Duration::from_mins(5),
            attempts: 20,
            pause: Duration::from_secs(3),
        }
    }
}

impl Patience {
    /// How long this one waits for a lock.
    pub(super) fn with(&self, migration: &Migration) -> Duration {
        if migration.no_tx {
            self.lock_timeout_alone
        } else {
            self.lock_timeout
        }
    }

    /// Between half of a pause and one and a half: whoever else tries at the same moment does so at another next time.
    pub(super) async fn rest(&self, entropy: &Entropy) {
        let share = f64::from(u32::from_le_bytes(entropy.bytes())) / f64::from(u32::MAX);
        sleep(self.pause.mul_f64(0.5 + share)).await;
    }
}
