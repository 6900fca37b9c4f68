//! Dependencies that no source names.

use std::path::Path;
use std::process::Command;

use super::super::scratch::Scratch;
use super::{refusal, root, tool};

fn unused(folder: &Path) -> Option<String> {
    refusal(Command::new(tool("cargo-machete")).arg(folder))
}

#[test]
fn every_dependency_is_used() {
    // Beside each other: `target` lies in the root, with copies of the workspace.
    for folder in ["crates", "tests"] {
        assert_eq!(unused(&root().join(folder)), None);
    }
}

#[test]
fn a_dependency_that_nobody_uses_is_named_with_its_crate() {
    let scratch = Scratch::new("supply-unused");
    scratch.plant_in_section(
        "crates/orders/Cargo.toml",
        "dependencies",
        "hex.workspace = true",
    );
    let refusal = unused(&scratch.folder().join("crates/orders")).unwrap();
    assert!(
        refusal.contains("orders -- ") && refusal.contains("\thex"),
        "{refusal}"
    );
}
