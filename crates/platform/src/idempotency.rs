//! Requests that may be sent again: the first is served, and its repetitions get the first one's answer.
//!
//! A key is claimed before its request is served, for a little longer than serving may take. The answer is kept in the
//! transaction of what the request does ([`Idempotency::keep_in_tx`]), so that there is never one without the other: not
//! if the process dies, and not if a claim ran out while its holder stood still and somebody else took it over.

mod db;

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{Clock, UserId};

use crate::db::{Db, Tx};

/// The keys and answers; cheap to clone.
#[derive(Clone, Debug)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
    lifetime: Duration,
}

/// What a client said that makes a request and its repetitions one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose key it is: two accounts may choose the same.
    pub user_id: UserId,
    /// The client's key, 1 to 255 characters.
    pub key: String,
    /// A keyed hash of all that the request asks for.
    pub fingerprint: [u8; 32],
}

/// What the request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, if there is a body.
    pub content_type: Option<String>,
    /// Where the answer leads.
    pub location: Option<String>,
    /// A cookie that comes along. It is stored in plain text, so it must not be a secret.
    pub set_cookie: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// The right to serve a request.
#[derive(Clone, Debug)]
#[must_use = "keep its answer or give it back"]
pub struct Claim {
    request: Request,
    /// Tells this claim from one that took its place.
    locked_until: DateTime<Utc>,
}

/// What is known of a request's key.
#[derive(Debug)]
pub enum Claimed {
    /// Nothing: the request is to be served.
    First(Claim),
    /// It was served, and this was the answer.
    Answered(Answer),
    /// It is being served.
    InProgress,
    /// It was used for another request.
    OtherRequest,
}

/// Why an answer was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The claim ran out, and another holds the key or has answered. What was done under this one must not be committed.
    #[error("the claim was lost before the request was answered")]
    ClaimLost,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Idempotency {
    /// The keys in `db`. A claim without an answer holds for `lifetime`: longer than a request may take, and no longer than
    /// the client of a process that died should be told to wait.
    #[must_use]
    pub fn new(db: Db, clock: Clock, lifetime: Duration) -> Self {
        Self {
            db,
            clock,
            lifetime,
        }
    }

    /// Claims the key of `request`.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn claim(&self, request: Request) -> anyhow::Result<Claimed> {
        let now = self.clock.now();
        let locked_until = now + self.lifetime;
        let mut connection = self.db.acquire().await?;
        let claimed = db::claim(&mut connection, &request, now, locked_until)
            .await
            .context("claim idempotency key")?;
        if claimed {
            return Ok(Claimed::First(Claim {
                request,
                locked_until,
            }));
        }
        let found = db::find(&mut connection, &request)
            .await
            .context("read idempotency key")?;
        Ok(match found {
            Some(kept) if kept.fingerprint != request.fingerprint => Claimed::OtherRequest,
            Some(kept) => kept.answer.map_or(Claimed::InProgress, Claimed::Answered),
            // Given back in this very moment: a repetition will find it free.
            None => Claimed::InProgress,
        })
    }

    /// Keeps the answer for repetitions, if and only if `tx` commits.
    ///
    /// # Errors
    /// If the claim is lost, in which case `tx` must not be committed, or the database cannot be reached.
    pub async fn keep_in_tx(
        &self,
        tx: &mut Tx,
        claim: &Claim,
        answer: &Answer,
    ) -> Result<(), KeepError> {
        let kept = db::keep(tx, &claim.request, claim.locked_until, answer)
            .await
            .context("keep the answer to a request")?;
        if kept {
            Ok(())
        } else {
            Err(KeepError::ClaimLost)
        }
    }

    /// Keeps the answer to a request whose effect has been committed: only for one that is harmless to repeat.
    ///
    /// # Errors
    /// If the claim is lost or the database cannot be reached.
    pub async fn keep(&self, claim: &Claim, answer: &Answer) -> Result<(), KeepError> {
        let mut tx = self.db.begin().await?;
        self.keep_in_tx(&mut tx, claim, answer).await?;
        tx.commit()
            .await
            .context("commit the answer to a request")?;
        Ok(())
    }

    /// Gives the key back: nothing came of the request, and it may be tried again.
    ///
    /// It is safe to call when nobody knows whether the request's transaction committed, as after a connection broke: the
    /// row waits for that transaction, and with an answer in it, it stays.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn give_back(&self, claim: &Claim) -> anyhow::Result<()> {
        let mut connection = self.db.acquire().await?;
        db::give_back(&mut connection, &claim.request, claim.locked_until)
            .await
            .context("give back idempotency key")
    }

    /// Deletes up to 1,000 keys from before `before`; returns how many there were.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn purge(&self, tx: &mut Tx, before: DateTime<Utc>) -> anyhow::Result<u64> {
        db::purge(tx, before)
            .await
            .context("purge idempotency keys")
    }
}

#[cfg(test)]
mod tests;
