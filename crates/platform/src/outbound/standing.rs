use std::time::Duration;

use tokio::time::Instant;

/// How a partner stands, going by the calls that this process has made anyway: looking costs the partner nothing.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The partner, as the metrics call it.
    pub dependency: &'static str,
    /// What becomes of the next call.
    pub breaker: BreakerState,
    /// The last call that was made; none since the process began, or none that was not refused here.
    pub last: Option<LastCall>,
}

/// What a circuit breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// It passes.
    Closed,
    /// It is refused, because another one is trying whether the partner is back.
    Probing,
    /// It is refused until some time has passed.
    Open,
}

impl BreakerState {
    /// The name by which programs know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Probing => "probing",
            Self::Open => "open",
        }
    }
}

/// A call that was made.
#[derive(Clone, Copy, Debug)]
pub struct LastCall {
    /// The label under which the metrics count it.
    pub outcome: &'static str,
    /// Whether it spoke for the partner.
    pub worked: bool,
    /// How long it took.
    pub took: Duration,
    /// When it was over.
    pub ended: Instant,
}
