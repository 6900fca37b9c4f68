//! What one request knows about itself.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use http::request::Parts;
use kernel::UserId;

use crate::http::error::AppError;
use crate::http::session::{SignedIn, Visitor};

/// What one request knows about itself. The outermost layer makes it; every layer and handler further in reads it.
///
/// Outer layers cannot see the request extensions that inner ones add. Whatever is found out on the way in and needed on
/// the way out (who is signed in, whether a flash message was shown) is therefore set here.
#[derive(Debug)]
pub struct RequestContext {
    /// Names the request in logs, in error pages and in the jobs that it causes.
    pub request_id: String,
    /// The client's address, from trusted proxies only.
    pub client: IpAddr,
    /// The value that lets this page's own scripts run (CSP nonce), new for every response.
    pub nonce: String,
    /// The path asked for, without its query, which may hold a secret.
    pub path: String,
    visitor: OnceLock<Visitor>,
    user_id: OnceLock<UserId>,
    flash_shown: AtomicBool,
}

/// [`RequestContext`] as an extractor.
pub type Context = Arc<RequestContext>;

impl RequestContext {
    /// A context for which nobody is signed in yet.
    #[must_use]
    pub fn new(request_id: String, client: IpAddr, nonce: String, path: String) -> Self {
        Self {
            request_id,
            client,
            nonce,
            path,
            visitor: OnceLock::new(),
            user_id: OnceLock::new(),
            flash_shown: AtomicBool::new(false),
        }
    }

    /// Whether a program sends the request, to the JSON API or with a webhook: it is answered with problem details instead
    /// of pages.
    #[must_use]
    pub fn is_api(&self) -> bool {
        self.path.starts_with("/api/") || self.path.starts_with("/webhooks/")
    }

    /// Who sends the request, as far as the session layer has found out.
    pub fn visitor(&self) -> &Visitor {
        self.visitor.get().unwrap_or(&Visitor::Anonymous)
    }

    /// Who is signed in; `None` for everybody else.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match self.visitor() {
            Visitor::SignedIn(signed_in) => Some(signed_in),
            Visitor::Anonymous | Visitor::Unknown => None,
        }
    }

    /// Notes who sends the request. The first note holds: a request has one sender.
    pub(crate) fn set_visitor(&self, visitor: Visitor) {
        if let Visitor::SignedIn(signed_in) = &visitor {
            self.set_user_id(signed_in.actor.user_id);
        }
        let _already_known = self.visitor.set(visitor);
    }

    /// Whose name the request runs under, in logs and error reports.
    pub fn user_id(&self) -> Option<UserId> {
        self.user_id.get().copied()
    }

    /// Notes whose name the request runs under.
    pub(crate) fn set_user_id(&self, user_id: UserId) {
        let _already_known = self.user_id.set(user_id);
        sentry::configure_scope(|scope| {
            scope.set_user(Some(sentry::User {
                id: Some(user_id.to_string()),
                ..sentry::User::default()
            }));
        });
    }

    /// Notes that a page has taken up the flash message.
    pub(crate) fn spend_flash(&self) {
        self.flash_shown.store(true, Ordering::Relaxed);
    }

    /// Whether a page has taken up the flash message.
    pub(crate) fn flash_is_spent(&self) -> bool {
        self.flash_shown.load(Ordering::Relaxed)
    }
}

/// Reads the [`Context`] that the outermost layer put there.
pub(crate) fn of(parts: &Parts) -> Result<Context, AppError> {
    parts
        .extensions
        .get::<Context>()
        .cloned()
        .ok_or_else(|| AppError::Unexpected(anyhow::anyhow!("the observe layer did not run")))
}

/// The request's [`Context`] in a handler's arguments.
#[derive(Clone, Debug)]
pub struct Ctx(pub Context);

impl<S: Sync> FromRequestParts<S> for Ctx {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        of(parts).map(Self)
    }
}
