//! The one binary, as a library that the tests build in process: composition root, pages, JSON API, worker.
//!
//! # Invariants
//! - Handlers translate between HTTP and a use case; they decide nothing.
//! - What happens between modules stands in `choreography` alone.
//! - `config` is the only reader of the environment.
//!
//! # What this crate must not know
//! SQL, and how a module keeps its data.

pub mod app;
pub mod backfills;
pub mod backups;
mod choreography;
pub mod config;
pub mod http;
pub mod migrations;
pub mod probe;
pub mod seed;
pub mod serve;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod worker;
