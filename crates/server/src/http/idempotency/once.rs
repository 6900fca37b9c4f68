use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use platform::db::{Db, Tx};
use platform::idempotency::Claim;

use super::answer;
use crate::app::App;
use crate::http::error::{AppError, Result};

/// What a handler commits with whose repetition would do more than the first: its effect and the answer under the
/// request's key, both or neither. A request without a key commits its effect alone.
pub(crate) struct Once {
    db: Db,
    held: Option<Arc<Held>>,
}

impl FromRequestParts<App> for Once {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self {
            db: app.platform().db.clone(),
            held: parts.extensions.get::<Arc<Held>>().cloned(),
        })
    }
}

impl Once {
    /// Begins the transaction that [`Once::commit`] ends.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        Ok(self.db.begin().await?)
    }

    /// Commits what was done in `tx` together with the answer. Fails if the request's claim ran out meanwhile and somebody
    /// else serves the request: then nothing of `tx` is kept.
    pub(crate) async fn commit(self, mut tx: Tx, answer: impl IntoResponse) -> Result {
        let mut response = answer.into_response();
        if let Some(held) = &self.held {
            let (recorded, answer) = answer::record(response).await?;
            let idempotency = held.app.idempotency();
            idempotency
                .keep_in_tx(&mut tx, &held.claim, &answer)
                .await?;
            response = recorded;
        }
        tx.commit().await.context("commit effect and answer")?;
        if let Some(held) = &self.held {
            held.settled.store(true, Ordering::Relaxed);
        }
        Ok(response)
    }
}

/// The claim under which a request is being served. If nothing comes of the request, it gives the key back: also when the
/// request is cut off at its deadline or panics.
pub(super) struct Held {
    app: App,
    claim: Claim,
    settled: AtomicBool,
}

impl Held {
    pub(super) fn new(app: App, claim: Claim) -> Self {
        Self {
            app,
            claim,
            settled: AtomicBool::new(false),
        }
    }

    /// Keeps the answer of a request that did something, unless the handler has; of any other the key is free again.
    ///
    /// Here the effect has happened, and its repetition is harmless. So an answer that cannot be kept is still given.
    pub(super) async fn settle(&self, response: Response) -> Result {
        if self.settled.load(Ordering::Relaxed) {
            return Ok(response);
        }
        let idempotency = self.app.idempotency();
        if !response.status().is_success() {
            return Ok(self.settled_by(idempotency.give_back(&self.claim).await, response));
        }
        let (response, answer) = answer::record(response).await?;
        let kept = idempotency.keep(&self.claim, &answer).await;
        Ok(self.settled_by(kept.map_err(anyhow::Error::new), response))
    }

    fn settled_by(&self, outcome: anyhow::Result<()>, response: Response) -> Response {
        match outcome {
            Ok(()) => self.settled.store(true, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(chain = format!("{error:#}"), "cannot settle a key");
            }
        }
        response
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.settled.load(Ordering::Relaxed) {
            return;
        }
        let (app, claim) = (self.app.clone(), self.claim.clone());
        self.app.tasks().spawn(async move {
            if let Err(error) = app.idempotency().give_back(&claim).await {
                tracing::warn!(chain = format!("{error:#}"), "cannot give a key back");
            }
        });
    }
}
