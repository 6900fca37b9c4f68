//! Feature flags: switches that are thrown without a deploy.

mod db;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kernel::{Clock, UserId};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::db::{Db, Tx};

/// How long a flag that was changed may still be seen as it was.
pub const MAX_AGE: Duration = Duration::from_secs(5);

/// How long a refresh may take before the last known flags are used on.
const DEADLINE: Duration = Duration::from_secs(1);

/// Every flag there is. One that is not declared here cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// Whether new accounts can be made. Off: signing up is refused in words, and those who have an account notice nothing.
    SignUpOpen,
}

impl Flag {
    /// Every flag.
    pub const ALL: [Self; 1] = [Self::SignUpOpen];

    /// The stable name, which the table's rows have.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::SignUpOpen => "sign_up_open",
        }
    }

    /// What holds while the table has no row for it: what the product does when nobody has decided anything.
    const fn default_setting(self) -> Setting {
        match self {
            Self::SignUpOpen => Setting {
                enabled: true,
                percentage: 100,
            },
        }
    }
}

/// How a flag stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Off is off for everybody.
    pub enabled: bool,
    /// For how many of a hundred people an enabled flag is on; the same people each time.
    pub percentage: i16,
}

/// The flags; cheap to clone. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Flags(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    max_age: Duration,
    snapshot: RwLock<Snapshot>,
    /// Held by the one who asks the database, so that a hundred requests that find the snapshot old ask once.
    refresh: Mutex<()>,
}

#[derive(Debug, Default)]
struct Snapshot {
    settings: BTreeMap<String, Setting>,
    taken: Option<Instant>,
}

impl Flags {
    /// The flags in `db`.
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self::with_max_age(db, clock, MAX_AGE)
    }

    fn with_max_age(db: Db, clock: Clock, max_age: Duration) -> Self {
        Self(Arc::new(Inner {
            db,
            clock,
            max_age,
            snapshot: RwLock::default(),
            refresh: Mutex::default(),
        }))
    }

    /// Whether `flag` is on for everybody.
    ///
    /// It cannot fail: while the database is away, the flags stand as last seen, or at their defaults. Not to be asked
    /// while a transaction is open, because it may take a connection of its own.
    pub async fn is_on(&self, flag: Flag) -> bool {
        let setting = self.setting(flag).await;
        setting.enabled && setting.percentage >= 100
    }

    /// Whether `flag` is on for this person.
    pub async fn is_on_for(&self, flag: Flag, user_id: UserId) -> bool {
        let setting = self.setting(flag).await;
        setting.enabled && bucket(flag, user_id) < setting.percentage
    }

    /// Sets `flag` in the caller's transaction; every instance sees it within [`MAX_AGE`] of the commit. `note` says why.
    ///
    /// # Errors
    /// If the flag cannot be stored.
    pub async fn set_in_tx(
        &self,
        tx: &mut Tx,
        flag: Flag,
        setting: Setting,
        note: &str,
    ) -> anyhow::Result<()> {
        db::upsert(tx, flag.key(), setting, note, self.0.clock.now())
            .await
            .with_context(|| format!("store flag {}", flag.key()))
    }

    /// Makes the next question go to the database.
    pub fn forget(&self) {
        self.write(|snapshot| snapshot.taken = None);
    }

    async fn setting(&self, flag: Flag) -> Setting {
        if !self.is_fresh() {
            self.refresh().await;
        }
        let snapshot = self
            .0
            .snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        snapshot
            .settings
            .get(flag.key())
            .copied()
            .unwrap_or_else(|| flag.default_setting())
    }

    async fn refresh(&self) {
        let _turn = self.0.refresh.lock().await;
        if self.is_fresh() {
            return;
        }
        let found = tokio::time::timeout(DEADLINE, self.load()).await;
        let taken = Some(Instant::now());
        match found
            .context("flags took too long to load")
            .and_then(|found| found)
        {
            Ok(settings) => self.write(|snapshot| *snapshot = Snapshot { settings, taken }),
            Err(error) => {
                tracing::warn!(?error, "the flags could not be refreshed");
                // Asking again at once would make every request wait for a database that is away.
                self.write(|snapshot| snapshot.taken = taken);
            }
        }
    }

    async fn load(&self) -> anyhow::Result<BTreeMap<String, Setting>> {
        let mut connection = self.0.db.acquire().await?;
        db::list(&mut connection).await.context("list flags")
    }

    fn is_fresh(&self) -> bool {
        let snapshot = self
            .0
            .snapshot
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        snapshot
            .taken
            .is_some_and(|taken| taken.elapsed() < self.0.max_age)
    }

    fn write(&self, change: impl FnOnce(&mut Snapshot)) {
        change(
            &mut self
                .0
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

/// Which of a hundred parts of all people this one belongs to. Each flag divides them differently, so that the same few
/// do not try out everything that is new.
fn bucket(flag: Flag, user_id: UserId) -> i16 {
    let mut hash = Sha256::new();
    hash.update(flag.key());
    hash.update(user_id.as_uuid());
    let bytes = hash.finalize();
    let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    i16::try_from(number % 100).expect("less than 100")
}

#[cfg(test)]
mod tests;
