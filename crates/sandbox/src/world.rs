//! Time and chance, taken straight from the machine: partners have clocks and dice of their own,
//! so a test that fixes the product's clock must not move theirs.

use chrono::{DateTime, Utc};
use uuid::Uuid;

#[expect(
    clippy::disallowed_methods,
    reason = "the partner's clock, not the product's"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// An identifier in the provider's style: `cs_test_0199…`.
#[expect(
    clippy::disallowed_methods,
    reason = "the partner's dice, not the product's"
)]
pub(crate) fn id(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7().simple())
}
