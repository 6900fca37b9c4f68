//! Dependencies that no source names.

use std::path::Path;
use std::process::Command;

use super::super::scratch::Scratch;
use super::{root, tool};

fn unused(folder: &Path) -> Option<String> {
    let output = Command::new(tool("cargo-machete")).arg(folder).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // It passes over a manifest that it cannot read.
    let is_clean = output.status.success() && !said.contains("error when handling");
    (!is_clean).then_some(said)
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
        "flate2.workspace = true",
    );
    let refusal = unused(&scratch.folder().join("crates/orders")).unwrap();
    assert!(
        refusal.contains("orders -- ") && refusal.contains("\tflate2"),
        "{refusal}"
    );
}
