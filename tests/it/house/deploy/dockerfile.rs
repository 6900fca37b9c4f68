//! The image's recipe.

use super::{files, linter, planted, read, refusal};

fn dockerfiles() -> Vec<String> {
    let files = files(".").into_iter();
    files.filter(|file| file.ends_with("Dockerfile")).collect()
}

#[test]
fn every_dockerfile_keeps_to_what_hadolint_asks_for() {
    let dockerfiles = dockerfiles();
    assert!(dockerfiles.contains(&"Dockerfile".to_owned()));
    let Some(mut hadolint) = linter("hadolint", "--version") else {
        return;
    };
    assert_eq!(refusal(hadolint.args(dockerfiles)), None);
}

#[test]
fn a_base_image_that_changes_by_itself_is_refused() {
    let Some(mut hadolint) = linter("hadolint", "--version") else {
        return;
    };
    let base = "FROM rust:1.95.0-slim-bookworm AS rust";
    let (_folder, file) = planted("Dockerfile", base, "FROM rust:latest AS rust");
    let refusal = refusal(hadolint.arg(file)).unwrap();
    assert!(refusal.contains("DL3007"), "{refusal}");
}

/// What in a recipe the engine of Debian 12 could not build, or would ask a registry for; and another compiler than ours.
fn complaints(dockerfile: &str) -> Vec<&str> {
    let toolchain = read("rust-toolchain.toml");
    let compiler = toolchain.split('"').nth(1).unwrap();
    let foreign = |line: &&str| {
        let is_compiler = line.starts_with("FROM rust:");
        line.starts_with("# syntax=")
            || (line.contains("<<") && !line.starts_with('#'))
            || (is_compiler && !line.starts_with(&format!("FROM rust:{compiler}-")))
    };
    dockerfile.lines().filter(foreign).collect()
}

#[test]
fn the_image_is_built_with_our_compiler_and_by_an_engine_of_debian_12() {
    let dockerfile = read("Dockerfile");
    assert_eq!(complaints(&dockerfile), Vec::<&str>::new());
    let faults = "# syntax=docker/dockerfile:1\nFROM rust:1.0.0-slim AS rust\nRUN <<END\n";
    assert_eq!(complaints(faults), faults.lines().collect::<Vec<_>>());
}

#[test]
fn nothing_gets_into_the_build_unless_it_is_named() {
    let ignored = read(".dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    for line in lines {
        assert!(line.starts_with('!'), "{line}");
        assert!(!line.contains("deploy") && !line.contains(".dev"), "{line}");
    }
}
