//! Time and chance, as the partners have them: by default straight from the machine, not from the
//! product's own sources.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The partners' clock. Webhooks are dated and sessions expire by it, so a test that fixes the
/// product's clock gives the same time to the sandbox.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's time.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the partner's clock, not the product's"
    )]
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// Somebody else's time, asked for at each use.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clock({})", self.now())
    }
}

/// An identifier in the provider's style: `cs_test_0199…`.
#[expect(
    clippy::disallowed_methods,
    reason = "the partner's dice, not the product's"
)]
pub(crate) fn id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}
