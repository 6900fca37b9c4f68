//! How a partner behaves at the moment: well, slowly, with errors, or not at all.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// A partner's manners. The same four for the payment API and for SMTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    #[default]
    Normal,
    /// The work is done at once and the answer held back, so that a caller who gives up
    /// cannot know the outcome: the case that idempotency keys are for.
    Slow,
    /// Every request is refused as if the partner were broken; nothing is done.
    Failing,
    /// Connections are accepted and never answered; nothing is done.
    Hanging,
}

/// What the control page's form and its JSON twin set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Behaviour {
    pub(crate) mode: Mode,
    /// Milliseconds by which [`Mode::Slow`] holds back an answer.
    #[serde(default = "default_delay")]
    pub(crate) delay_ms: u32,
}

fn default_delay() -> u32 {
    3_000
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            delay_ms: default_delay(),
        }
    }
}

impl Behaviour {
    /// How long a finished answer waits before it leaves.
    pub(crate) fn delay(self) -> Duration {
        match self.mode {
            Mode::Slow => Duration::from_millis(self.delay_ms.into()),
            Mode::Normal | Mode::Failing | Mode::Hanging => Duration::ZERO,
        }
    }
}

/// One partner's switch, read at every request.
#[derive(Default)]
pub(crate) struct Switch(Mutex<Behaviour>);

impl Switch {
    pub(crate) fn get(&self) -> Behaviour {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}
