//! Hostile bytes for every parser of what comes from outside.
//!
//! A target is a test in a module called `fuzz`, beside the parser, that says what must hold for any bytes at all:
//!
//! ```text
//! #[cfg(test)]
//! mod fuzz {
//!     #[test]
//!     fn whatever_is_read_prints_as_it_was() {
//!         fuzzing::text("name", |text| {
//!             if let Ok(name) = Name::parse(text) {
//!                 assert_eq!(name.as_str(), text);
//!             }
//!         });
//!     }
//! }
//! ```
//!
//! Its corpus is the folder `corpus/name` of its crate: files that are good, files that were bad once, and files named
//! after what they try. `cargo test` tries each of them and then a fixed number of inputs that are made of them, the same
//! ones each time. `cargo xtask fuzz` lets libFuzzer go on from there, guided by what code an input reaches.
//!
//! # Invariants
//! - A run of `cargo test` depends on nothing but the code and the corpus: no clock, no fresh randomness.
//! - It is a dependency of tests alone.
//!
//! # What this crate must not know
//! Any other crate of the workspace.

#[cfg(not(fuzzing))]
mod edits;
#[cfg(fuzzing)]
#[path = "guided.rs"]
mod engine;
#[cfg(not(fuzzing))]
#[path = "replay.rs"]
mod engine;

/// How many inputs a quick parser is tried with beside its corpus: half a second in a debug build.
const MANY: u32 = 1_000;

/// How many inputs suit a parser that takes milliseconds.
const FEW: u32 = 50;

/// Tries `property` with the corpus of `target` and with what can be made of it. It fails by panicking.
///
/// # Panics
/// If the property fails, or the corpus is missing.
pub fn bytes(target: &str, property: impl Fn(&[u8]) + Send + Sync + 'static) {
    engine::run(target, MANY, property);
}

/// [`bytes`] for what reads text. Bytes that are none are replaced.
///
/// # Panics
/// If the property fails, or the corpus is missing.
pub fn text(target: &str, property: impl Fn(&str) + Send + Sync + 'static) {
    bytes(target, move |bytes| {
        property(&String::from_utf8_lossy(bytes));
    });
}

/// [`bytes`] for what takes milliseconds to read.
///
/// # Panics
/// If the property fails, or the corpus is missing.
pub fn slow_bytes(target: &str, property: impl Fn(&[u8]) + Send + Sync + 'static) {
    engine::run(target, FEW, property);
}
