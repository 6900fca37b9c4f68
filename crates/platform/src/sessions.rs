//! Sessions of signed-in browsers, kept in Redis.
//!
//! A browser holds a [`Token`]; Redis holds the session under the token's hash, so that a copy of Redis opens nothing.
//! Losing Redis signs people out and does nothing worse.
//!
//! A session that is found may still be void: it counts only while its [`Session::generation`] equals the user's. So
//! "end all sessions" is the increment of a number in the user's own transaction, and holds even while Redis is away;
//! deleting the sessions here afterwards is tidying.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Entropy, SessionId, Token, TokenHash, UserId};
use redis::{FromRedisValue, Pipeline, cmd};
use serde::{Deserialize, Serialize};

use crate::redis::{Redis, RedisError};

/// How finely the idle time is measured: a session that was seen this recently is not written again. So one read per
/// request is enough, and a session may end up to a minute before its idle time is over, never after.
const SEEN_PRECISION: TimeDelta = TimeDelta::minutes(1);

/// How long a session lasts (OWASP ASVS 5.0, 7.3.1 and 7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLimits {
    #[serde(with = "seconds")]
    absolute: TimeDelta,
    #[serde(with = "seconds")]
    idle: TimeDelta,
}

impl SessionLimits {
    /// For customers: 30 days, 7 of them unused.
    pub const CUSTOMER: Self = Self {
        absolute: TimeDelta::days(30),
        idle: TimeDelta::days(7),
    };
    /// For staff, who can see other people's data: 12 hours, 30 minutes of them unused.
    pub const STAFF: Self = Self {
        absolute: TimeDelta::hours(12),
        idle: TimeDelta::minutes(30),
    };
}

/// What a session begins with.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose it is.
    pub user_id: UserId,
    /// The user's session generation at this moment.
    pub generation: i32,
    /// How long it lasts.
    pub limits: SessionLimits,
    /// What the browser says it is; shown in the list of own sessions.
    pub user_agent: String,
    /// Where in the network it comes from; shown in the list of own sessions.
    pub network: String,
}

/// A session that has not run out.
///
/// Kept as JSON. A field added here needs `#[serde(default)]`, because sessions written by the previous release live on,
/// and a field removed must be one that the previous release can do without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What the person ends it by. Not a secret.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// It is void unless this equals the user's session generation.
    pub generation: i32,
    /// When it began; its absolute limit counts from here.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When the person last proved who they are.
    pub signed_in_at: DateTime<Utc>,
    /// What the browser said it was.
    pub user_agent: String,
    /// Where in the network it came from.
    pub network: String,
    limits: SessionLimits,
    /// What a newer release wrote. While two releases share Redis, the older one must not strip it.
    #[serde(flatten)]
    newer: BTreeMap<String, serde_json::Value>,
}

impl Session {
    /// How long it lasts from `now` on if it is not used again; zero or less when it is over.
    fn remaining(&self, now: DateTime<Utc>) -> TimeDelta {
        // No calendar holds what does not fit: it was not written by us, and is over.
        let end = |from: DateTime<Utc>, limit| from.checked_add_signed(limit);
        let idle = end(self.last_seen_at, self.limits.idle);
        let absolute = end(self.created_at, self.limits.absolute);
        idle.min(absolute).unwrap_or(DateTime::<Utc>::MIN_UTC) - now
    }
}

/// The sessions; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    redis: Redis,
    clock: Clock,
    entropy: Entropy,
}

impl Sessions {
    /// The sessions in `redis`.
    #[must_use]
    pub fn new(redis: Redis, clock: Clock, entropy: Entropy) -> Self {
        Self {
            redis,
            clock,
            entropy,
        }
    }

    /// Begins a session. The token is for the browser's cookie and cannot be had again.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn create(&self, new: NewSession) -> anyhow::Result<(Token, SessionId)> {
        let now = self.clock.now();
        let session = Session {
            id: SessionId::generate(&self.clock, &self.entropy),
            user_id: new.user_id,
            generation: new.generation,
            created_at: now,
            last_seen_at: now,
            signed_in_at: now,
            user_agent: new.user_agent,
            network: new.network,
            limits: new.limits,
            newer: BTreeMap::new(),
        };
        let token = Token::generate(&self.entropy);
        self.insert(&token.hash(), &session).await?;
        Ok((token, session.id))
    }

    /// The session that `token` stands for, if it has not run out. Its idle time starts anew.
    ///
    /// # Errors
    /// If Redis cannot be reached. What cannot be read is no session.
    pub async fn find(&self, token: &Token) -> anyhow::Result<Option<Session>> {
        let key = self.session_key(token.hash());
        let Some(mut session) = self.read(std::slice::from_ref(&key)).await?.pop().flatten() else {
            return Ok(None);
        };
        let now = self.clock.now();
        if now - session.last_seen_at >= SEEN_PRECISION {
            session.last_seen_at = now;
            // XX: a session that was ended in the meantime must not come back to life.
            self.write(&key, &session, "XX").await?;
        }
        Ok(Some(session))
    }

    /// The user's sessions, the one used last first. Those of an older generation are among them: see [`Session`].
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn list(&self, user_id: UserId) -> anyhow::Result<Vec<Session>> {
        let mut sessions: Vec<_> = self.load(user_id).await?.into_values().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.id)));
        Ok(sessions)
    }

    /// Ends one of the user's sessions; `false` if the user has no such session.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn end(&self, user_id: UserId, session_id: SessionId) -> anyhow::Result<bool> {
        let ended = self
            .end_where(user_id, |session| session.id == session_id)
            .await?;
        Ok(ended > 0)
    }

    /// Ends all of the user's sessions but `except`; returns how many.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn end_all(
        &self,
        user_id: UserId,
        except: Option<SessionId>,
    ) -> anyhow::Result<usize> {
        self.end_where(user_id, |session| Some(session.id) != except)
            .await
    }

    /// Gives a session a new token, and `generation`, so that it outlives an "end all others". The old token is worthless
    /// afterwards. `None` if the session has ended.
    ///
    /// # Errors
    /// If Redis cannot be reached.
    pub async fn rotate(&self, token: &Token, generation: i32) -> anyhow::Result<Option<Token>> {
        let Some(mut session) = self.find(token).await? else {
            return Ok(None);
        };
        session.generation = generation;
        let rotated = Token::generate(&self.entropy);
        self.insert(&rotated.hash(), &session).await?;
        self.delete(session.user_id, &[token.hash().to_string()])
            .await?;
        Ok(Some(rotated))
    }

    async fn end_where(
        &self,
        user_id: UserId,
        chosen: impl Fn(&Session) -> bool,
    ) -> anyhow::Result<usize> {
        let mut sessions = self.load(user_id).await?;
        sessions.retain(|_, session| chosen(session));
        let hashes: Vec<_> = sessions.into_keys().collect();
        if !hashes.is_empty() {
            self.delete(user_id, &hashes).await?;
        }
        Ok(hashes.len())
    }

    /// The user's sessions by the hash of their tokens.
    async fn load(&self, user_id: UserId) -> anyhow::Result<BTreeMap<String, Session>> {
        let mut reads = redis::pipe();
        reads.zrange(self.index_key(user_id), 0, -1);
        let (hashes,): (Vec<Vec<u8>>,) = self
            .change_index(user_id, &reads)
            .await
            .context("read the user's sessions")?;
        // What is no text is no hash.
        let hashes: Vec<String> = hashes
            .into_iter()
            .filter_map(|hash| String::from_utf8(hash).ok())
            .collect();
        if hashes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: Vec<_> = hashes.iter().map(|hash| self.session_key(hash)).collect();
        let sessions = hashes.into_iter().zip(self.read(&keys).await?);
        Ok(sessions
            .filter_map(|(hash, session)| Some((hash, session?)))
            .collect())
    }

    /// The sessions under `keys` that are alive, in the same order.
    ///
    /// `MGET` also for a single one: where something stands that is no string, it finds nothing and does not fail.
    async fn read(&self, keys: &[String]) -> anyhow::Result<Vec<Option<Session>>> {
        let found: Vec<Option<Vec<u8>>> = self
            .redis
            .query(cmd("MGET").arg(keys))
            .await
            .context("read sessions")?;
        let now = self.clock.now();
        let found = found.into_iter();
        Ok(found.map(|json| read(&json?, now)).collect())
    }

    /// Sends commands about the index of the user's sessions. If something else stands in its place, nobody could sign in:
    /// it is thrown away, and with it no more than the list of where one is signed in.
    async fn change_index<T: FromRedisValue>(
        &self,
        user_id: UserId,
        commands: &Pipeline,
    ) -> Result<T, RedisError> {
        match self.redis.query_all(commands).await {
            Err(error) if error.is_wrong_type() => {
                let key = self.index_key(user_id);
                tracing::warn!(key, "no index of sessions: thrown away");
                let () = self.redis.query(cmd("DEL").arg(key)).await?;
                self.redis.query_all(commands).await
            }
            result => result,
        }
    }

    async fn insert(&self, token: &TokenHash, session: &Session) -> anyhow::Result<()> {
        let index = self.index_key(session.user_id);
        let over_at = (session.created_at + session.limits.absolute).timestamp();
        // The index first: a session that stands in no index could not be ended. A member without a session does no harm
        // and leaves with the first sign-in after its time.
        let mut commands = redis::pipe();
        commands
            .zrembyscore(&index, "-inf", self.clock.now().timestamp())
            .ignore()
            .zadd(&index, token.to_string(), over_at)
            .ignore()
            .expire(&index, SessionLimits::CUSTOMER.absolute.num_seconds())
            .ignore();
        let () = self
            .change_index(session.user_id, &commands)
            .await
            .context("index session")?;
        self.write(&self.session_key(token), session, "NX").await
    }

    /// Writes a session so that Redis drops it by itself when it is over. `only_if` is `NX` (new) or `XX` (still there).
    async fn write(&self, key: &str, session: &Session, only_if: &str) -> anyhow::Result<()> {
        let json = serde_json::to_string(session).context("write session as JSON")?;
        let remaining = session.remaining(self.clock.now()).num_milliseconds();
        let mut command = cmd("SET");
        command.arg(key).arg(json).arg(only_if);
        command.arg("PX").arg(remaining.max(1));
        let _: Option<()> = self.redis.query(&command).await.context("write session")?;
        Ok(())
    }

    async fn delete(&self, user_id: UserId, hashes: &[String]) -> anyhow::Result<()> {
        let keys: Vec<_> = hashes.iter().map(|hash| self.session_key(hash)).collect();
        let mut commands = redis::pipe();
        commands
            .del(keys)
            .ignore()
            .zrem(self.index_key(user_id), hashes)
            .ignore();
        self.change_index(user_id, &commands)
            .await
            .context("delete sessions")
    }

    fn session_key(&self, token_hash: impl std::fmt::Display) -> String {
        self.redis.key("session", token_hash)
    }

    fn index_key(&self, user_id: UserId) -> String {
        self.redis.key("sessions-of", user_id)
    }
}

/// A session that can be read and is not over by the application's own clock. Redis drops what is over as well, but the
/// limit must not hang on it.
fn read(json: &[u8], now: DateTime<Utc>) -> Option<Session> {
    match serde_json::from_slice::<Session>(json) {
        Ok(session) => (session.remaining(now) > TimeDelta::zero()).then_some(session),
        Err(error) => {
            tracing::warn!(%error, "a session could not be read");
            None
        }
    }
}

/// Durations as whole seconds.
mod seconds {
    use chrono::TimeDelta;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(value.num_seconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        let seconds = i64::deserialize(from)?;
        TimeDelta::try_seconds(seconds).ok_or_else(|| serde::de::Error::custom("out of range"))
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
