//! The sandbox as the product meets it: over sockets, with real clients.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod control;
mod hooks;
mod inbox;
mod pages;
mod payments;
mod webhooks;
mod world;
