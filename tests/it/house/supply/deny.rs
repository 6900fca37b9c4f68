//! Licences, bans, sources and known weaknesses, as `.deny.toml` has them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::super::scratch::{Scratch, target};
use super::{refusal, root, tool};

/// Holds a workspace against `.deny.toml`. What weaknesses are known is asked for by `cargo xtask test supply`, because it
/// needs a network.
fn deny(folder: &Path) -> Command {
    let mut deny = Command::new(tool("cargo-deny"));
    deny.arg("--config").arg(root().join(".deny.toml"));
    deny.args(["--offline", "--manifest-path"]);
    deny.arg(folder.join("Cargo.toml"));
    deny
}

fn check(deny: &mut Command) -> Option<String> {
    refusal(deny.args(["check", "bans", "licenses", "sources"]))
}

/// A copy of the workspace in which `orders` depends on a crate of somebody's.
fn with_a_crate(name: &str, manifest: &str) -> Scratch {
    let scratch = Scratch::new(&format!("supply-{name}"));
    let folder = scratch.folder().join("somebodys").join(name);
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n{manifest}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    let dependency = format!("{name} = {{ path = \"../../somebodys/{name}\" }}");
    scratch.plant_in_section("crates/orders/Cargo.toml", "dependencies", &dependency);
    scratch
}

/// What is said by the check for weaknesses, where somebody found one in the crate `name`: of the database, a repository,
/// this is a copy that was made up.
fn with_a_weakness_in(name: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("database");
    let crates = database.join("crates").join(name);
    fs::create_dir_all(&crates).unwrap();
    let advisory = format!(
        "```toml\n[advisory]\nid = \"RUSTSEC-2000-0001\"\npackage = \"{name}\"\ndate = \"2000-01-01\"\n\n\
         [versions]\npatched = []\n```\n\n# Made up\n\nNobody found anything.\n"
    );
    fs::write(crates.join("RUSTSEC-2000-0001.md"), advisory).unwrap();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&database).args(arguments);
        assert_eq!(refusal(&mut git), None);
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "."]);
    let author = [
        "-c",
        "user.name=nobody",
        "-c",
        "user.email=nobody@example.test",
    ];
    git(&[&author[..], &["commit", "--quiet", "--message", "x"]].concat());

    let own = fs::read_to_string(root().join(".deny.toml")).unwrap();
    let copy = format!(
        "[advisories]\ndb-path = \"{}\"",
        folder.path().join("copies").display()
    );
    let config = folder.path().join("deny.toml");
    fs::write(&config, own.replacen("[advisories]", &copy, 1)).unwrap();
    let mut check = Command::new(tool("cargo-deny"));
    check.arg("--config").arg(&config).arg("--manifest-path");
    check
        .arg(root().join("Cargo.toml"))
        .args(["check", "advisories"]);
    // Whoever asks for the repository of the database is given this one.
    check.env("GIT_CONFIG_COUNT", "1");
    check.env(
        "GIT_CONFIG_KEY_0",
        format!("url.file://{}.insteadOf", database.display()),
    );
    check.env(
        "GIT_CONFIG_VALUE_0",
        "https://github.com/RustSec/advisory-db",
    );
    refusal(&mut check)
}

/// What cargo says about the workspace, with `alter` applied to the package `name`.
fn altered(name: &str, alter: impl Fn(&mut Value)) -> std::path::PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--all-features"])
        .args(["--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let mut metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array_mut().unwrap();
    let package = packages.iter_mut().find(|package| package["name"] == name);
    alter(package.unwrap());
    let path = target().join(format!("planted-{name}.json"));
    fs::write(&path, metadata.to_string()).unwrap();
    path
}

#[test]
fn everything_that_is_built_upon_is_admitted() {
    assert_eq!(check(&mut deny(&root())), None);
}

#[test]
fn a_licence_that_asks_for_more_than_a_name_is_refused() {
    let scratch = with_a_crate("generous", "license = \"GPL-3.0-only\"");
    let refusal = check(&mut deny(scratch.folder())).unwrap();
    assert!(refusal.contains("GPL-3.0"), "{refusal}");
    assert!(refusal.contains("error[rejected]"), "{refusal}");
}

#[test]
fn a_crate_without_a_licence_is_refused() {
    let scratch = with_a_crate("silent", "");
    let refusal = check(&mut deny(scratch.folder())).unwrap();
    assert!(
        refusal.contains("silent = 1.0.0 is unlicensed"),
        "{refusal}"
    );
}

#[test]
fn a_second_tls_stack_is_refused_with_the_reason() {
    let scratch = with_a_crate("native-tls", "license = \"MIT\"");
    let refusal = check(&mut deny(scratch.folder())).unwrap();
    assert!(refusal.contains("one TLS stack: rustls"), "{refusal}");
}

#[test]
fn a_second_version_of_what_must_not_come_twice_is_refused() {
    let scratch = with_a_crate("axum", "license = \"MIT\"");
    let refusal = check(&mut deny(scratch.folder())).unwrap();
    assert!(
        refusal.contains("2 duplicate entries for crate 'axum'"),
        "{refusal}"
    );
}

#[test]
fn a_crate_from_somewhere_else_is_refused() {
    let git = "git+https://git.example/somebody/uuid#0123456789012345678901234567890123456789";
    let metadata = altered("uuid", |package| package["source"] = git.into());
    let mut deny = deny(&root());
    let refusal = check(deny.arg("--metadata-path").arg(metadata)).unwrap();
    assert!(refusal.contains("source-not-allowed"), "{refusal}");
}

#[test]
fn a_known_weakness_is_refused() {
    let refusal = with_a_weakness_in("serde_json").unwrap();
    assert!(
        refusal.contains("error[vulnerability]: Made up"),
        "{refusal}"
    );
    assert_eq!(with_a_weakness_in("somebodys-crate"), None);
}
