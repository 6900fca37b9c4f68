//! Requests that may be sent again: the first is served, and its repetitions get the first one's answer.
//!
//! The key is claimed before the request is served and the answer kept after it. If the process dies between the two, a
//! repetition is served anew once the claim has run out; what must not happen twice even then is for the use case to
//! refuse, as an order refuses to be paid twice.

mod db;

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{Clock, UserId};

use crate::db::{Db, Tx};

/// How long a claim holds without an answer: longer than any request may take.
const CLAIM: Duration = Duration::from_mins(1);

/// The keys and answers; cheap to clone.
#[derive(Clone, Debug)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
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
    /// The body.
    pub body: Bytes,
}

/// The right to serve a request.
#[derive(Debug)]
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

impl Idempotency {
    /// The keys in `db`.
    #[must_use]
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Claims the key of `request`.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn claim(&self, request: Request) -> anyhow::Result<Claimed> {
        let now = self.clock.now();
        let locked_until = now + CLAIM;
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

    /// Keeps the answer for repetitions.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn keep(&self, claim: Claim, answer: &Answer) -> anyhow::Result<()> {
        let mut connection = self.db.acquire().await?;
        db::keep(&mut connection, &claim.request, claim.locked_until, answer)
            .await
            .context("keep the answer to a request")
    }

    /// Gives the key back: nothing came of the request, and it may be tried again.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn give_back(&self, claim: Claim) -> anyhow::Result<()> {
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
mod tests {
    use chrono::TimeDelta;
    use kernel::UserId;

    use super::*;
    use crate::testing::TestPlatform;

    async fn start() -> (TestPlatform, Idempotency, Request) {
        let platform = TestPlatform::start(&[]).await;
        let idempotency = Idempotency::new(platform.db.clone(), platform.clock.clone());
        let request = Request {
            user_id: UserId::generate(&platform.clock, &platform.entropy),
            key: "key-1".into(),
            fingerprint: [1; 32],
        };
        (platform, idempotency, request)
    }

    fn answer() -> Answer {
        Answer {
            status: 201,
            content_type: Some("application/json".into()),
            body: Bytes::from_static(b"{}"),
        }
    }

    fn first(claimed: Claimed) -> Claim {
        match claimed {
            Claimed::First(claim) => claim,
            other => panic!("expected the first claim, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let (_platform, idempotency, request) = start().await;
        let claim = first(idempotency.claim(request.clone()).await.unwrap());
        idempotency.keep(claim, &answer()).await.unwrap();
        let repeated = idempotency.claim(request).await.unwrap();
        assert!(matches!(repeated, Claimed::Answered(kept) if kept == answer()));
    }

    #[tokio::test]
    async fn of_many_at_once_one_is_served() {
        let (_platform, idempotency, request) = start().await;
        let claims = (0..50).map(|_| idempotency.claim(request.clone()));
        let claims = futures::future::try_join_all(claims).await.unwrap();
        let served = claims
            .iter()
            .filter(|claim| matches!(claim, Claimed::First(_)));
        assert_eq!(served.count(), 1);
        let waiting = claims
            .iter()
            .filter(|claim| matches!(claim, Claimed::InProgress));
        assert_eq!(waiting.count(), 49);
    }

    #[tokio::test]
    async fn a_key_stands_for_one_request_of_one_account() {
        let (platform, idempotency, request) = start().await;
        let claim = first(idempotency.claim(request.clone()).await.unwrap());
        let other_request = Request {
            fingerprint: [2; 32],
            ..request.clone()
        };
        assert!(matches!(
            idempotency.claim(other_request).await.unwrap(),
            Claimed::OtherRequest
        ));
        let other_account = Request {
            user_id: UserId::generate(&platform.clock, &platform.entropy),
            ..request
        };
        let others = first(idempotency.claim(other_account).await.unwrap());
        idempotency.keep(claim, &answer()).await.unwrap();
        idempotency.give_back(others).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_given_back_can_be_tried_again() {
        let (_platform, idempotency, request) = start().await;
        let claim = first(idempotency.claim(request.clone()).await.unwrap());
        idempotency.give_back(claim).await.unwrap();
        first(idempotency.claim(request).await.unwrap())
            .request
            .key
            .clear();
    }

    #[tokio::test]
    async fn a_claim_whose_process_died_runs_out_and_cannot_answer_any_more() {
        let (platform, idempotency, request) = start().await;
        let lost = first(idempotency.claim(request.clone()).await.unwrap());
        platform.clock.advance(TimeDelta::minutes(2));
        let second = first(idempotency.claim(request.clone()).await.unwrap());
        idempotency.keep(lost, &answer()).await.unwrap();
        let repeated = idempotency.claim(request.clone()).await.unwrap();
        assert!(matches!(repeated, Claimed::InProgress));
        idempotency.keep(second, &answer()).await.unwrap();
        let repeated = idempotency.claim(request).await.unwrap();
        assert!(matches!(repeated, Claimed::Answered(_)));
    }

    #[tokio::test]
    async fn old_keys_are_deleted() {
        let (platform, idempotency, request) = start().await;
        let claim = first(idempotency.claim(request.clone()).await.unwrap());
        idempotency.keep(claim, &answer()).await.unwrap();
        let now = platform.clock.now();
        let mut tx = platform.db.begin().await.unwrap();
        assert_eq!(idempotency.purge(&mut tx, now).await.unwrap(), 0);
        let later = now + TimeDelta::seconds(1);
        assert_eq!(idempotency.purge(&mut tx, later).await.unwrap(), 1);
    }
}
