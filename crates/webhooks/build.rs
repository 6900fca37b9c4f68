//! Tells cargo that the migrations are part of this crate: `sqlx::migrate!` cannot, so without this a new file would
//! go unnoticed until some source file changes.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/webhooks");
}
