//! The suites that look at the whole house. One binary, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod dependencies;
mod gates;
mod house;
mod journey;
mod migrate;
mod requirements;
mod side_by_side;
mod slow_statements;
