//! `cargo xtask sbom`: what the server is made of, as `CycloneDX` 1.6 (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! Whoever runs the server can hold the file against a list of known weaknesses, years later and without the sources.
//! It says the same wherever it is made: it holds no time, no path and no number of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::checkout;

/// What `cargo tree` prints of a package: `name v1.2.3 (proc-macro)`, and its licence.
const FORMAT: &str = "{p}\t{l}";

/// A package of the server, as the file refers to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
}

impl Package {
    /// Its address among all packages of all languages (<https://github.com/package-url/purl-spec>).
    fn purl(&self) -> String {
        // `+` stands for a space in some readers of addresses.
        let version = self.version.replace('+', "%2B");
        format!("pkg:cargo/{}@{version}", self.name)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Part {
    licence: String,
    /// Compiled into the server; otherwise it runs while the server is built.
    shipped: bool,
    depends_on: BTreeSet<Package>,
}

type Parts = BTreeMap<Package, Part>;

/// Writes `target/sbom.json`.
pub(crate) fn write() -> anyhow::Result<()> {
    let path = checkout::metadata()?.target_directory.join("sbom.json");
    let parts = parts()?;
    let lock =
        fs::read_to_string(checkout::root().join("Cargo.lock")).context("read Cargo.lock")?;
    let document = document(&parts, &checksums(&lock))?;
    let json = serde_json::to_string_pretty(&document).context("write JSON")?;
    fs::write(&path, json + "\n").with_context(|| format!("write {}", path.display()))?;
    println!("{}: {} packages.", checkout::shown(&path), parts.len());
    Ok(())
}

/// What a release is built of. Cargo is asked twice, because its tree does not say whether a package that a build needs is
/// also a part of what is built.
fn parts() -> anyhow::Result<Parts> {
    let mut parts = read(&tree("normal,build")?)?;
    for package in read(&tree("normal,no-proc-macro")?)?.into_keys() {
        if let Some(part) = parts.get_mut(&package) {
            part.shipped = true;
        }
    }
    Ok(parts)
}

/// The dependencies of the server with its default features, for the platform that this machine builds for.
fn tree(edges: &str) -> anyhow::Result<String> {
    let mut tree: Command = checkout::cargo(["tree", "--locked", "--package", "server"]);
    tree.args(["--edges", edges, "--prefix", "depth", "--format", FORMAT]);
    let output = tree.output().context("run cargo tree")?;
    ensure!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).context("read what cargo tree printed")
}

/// Reads a tree of lines that begin with their depth: `2serde v1.0.0\tMIT`. What was shown before is shown without what
/// is below it.
fn read(tree: &str) -> anyhow::Result<Parts> {
    let mut parts = Parts::new();
    let mut above: Vec<Package> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (depth, rest) = line.split_at(digits);
        let depth: usize = depth.parse().context("read the depth")?;
        let (package, licence) = rest.split_once('\t').context("read the licence")?;
        let mut words = package.split(' ');
        let package = Package {
            name: words.next().context("read the name")?.to_owned(),
            version: words
                .next()
                .and_then(|version| version.strip_prefix('v'))
                .context("read the version")?
                .to_owned(),
        };
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| parts.get_mut(parent)) {
            parent.depends_on.insert(package.clone());
        }
        let part = parts.entry(package.clone()).or_default();
        part.licence = expression(licence);
        above.push(package);
    }
    Ok(parts)
}

/// An SPDX expression. Old packages wrote a slash for `OR`; the mark of what was shown before is cargo's.
fn expression(licence: &str) -> String {
    let licence = licence.trim_end_matches(" (*)");
    let alternatives: Vec<_> = licence.split('/').map(str::trim).collect();
    alternatives.join(" OR ")
}

/// The SHA-256 of every package that came from a registry.
fn checksums(lock: &str) -> BTreeMap<Package, String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.strip_prefix(" = \"")?.strip_suffix('"')?.to_owned())
    };
    let blocks = lock.split("[[package]]").filter_map(|block| {
        let package = Package {
            name: value(block, "name")?,
            version: value(block, "version")?,
        };
        Some((package, value(block, "checksum")?))
    });
    blocks.collect()
}

fn document(parts: &Parts, checksums: &BTreeMap<Package, String>) -> anyhow::Result<Value> {
    let server = parts.keys().find(|package| package.name == "server");
    let server = server.context("the tree does not begin with the server")?;
    let others = parts.iter().filter(|(package, _)| *package != server);
    let components: Vec<_> = others
        .map(|(package, part)| {
            let mut component = component("library", package, &part.licence);
            component["scope"] = json!(if part.shipped { "required" } else { "excluded" });
            if let Some(checksum) = checksums.get(package) {
                component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
            }
            component
        })
        .collect();
    let dependencies: Vec<_> = parts
        .iter()
        .map(|(package, part)| {
            let depends_on: Vec<_> = part.depends_on.iter().map(Package::purl).collect();
            json!({ "ref": package.purl(), "dependsOn": depends_on })
        })
        .collect();
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component("application", server, &parts[server].licence) },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(kind: &str, package: &Package, licence: &str) -> Value {
    json!({
        "type": kind,
        "bom-ref": package.purl(),
        "name": package.name,
        "version": package.version,
        "licenses": [{ "expression": licence }],
        "purl": package.purl(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0server v0.1.0 (/somewhere/crates/server)\tMIT OR Apache-2.0\n\
        1kernel v0.1.0 (/somewhere/crates/kernel)\tMIT OR Apache-2.0\n2serde v1.0.2\tMIT/Apache-2.0\n\
        1serde v1.0.2\tMIT/Apache-2.0 (*)\n1derive v2.0.0+x (proc-macro)\tMIT\n";

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    #[test]
    fn a_tree_is_read_with_what_depends_on_what() {
        let parts = read(TREE).unwrap();
        let names = |part: &Part| -> Vec<_> {
            let names = part.depends_on.iter().map(|package| package.name.clone());
            names.collect()
        };
        assert_eq!(
            names(&parts[&package("server", "0.1.0")]),
            ["derive", "kernel", "serde"]
        );
        assert_eq!(names(&parts[&package("kernel", "0.1.0")]), ["serde"]);
        let serde = &parts[&package("serde", "1.0.2")];
        assert_eq!(serde.licence, "MIT OR Apache-2.0");
        assert!(serde.depends_on.is_empty());
        assert_eq!(
            package("derive", "2.0.0+x").purl(),
            "pkg:cargo/derive@2.0.0%2Bx"
        );
    }

    #[test]
    fn a_tree_that_is_none_is_refused() {
        for tree in ["serde v1.0.0\tMIT", "1serde v1.0.0", "1serde 1.0.0\tMIT"] {
            assert!(read(tree).is_err(), "{tree}");
        }
    }

    #[test]
    fn checksums_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.2\"\nsource = \"registry\"\n\
            checksum = \"abc\"\n\n[[package]]\nname = \"server\"\nversion = \"0.1.0\"\n";
        let checksums = checksums(lock);
        assert_eq!(checksums.len(), 1);
        assert_eq!(checksums[&package("serde", "1.0.2")], "abc");
    }
}
