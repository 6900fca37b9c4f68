//! Dependencies point down only, and nothing below `server` speaks HTTP to people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// What makes a crate a web crate. A module that had one of them could decide about cookies or HTML.
const WEB: [&str; 6] = [
    "axum",
    "axum-extra",
    "hyper",
    "tower-http",
    "utoipa",
    "utoipa-axum",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// The crates of the workspace, each with what it depends on outside of tests, and whether it owns a schema.
#[derive(Clone)]
struct House {
    dependencies: BTreeMap<String, BTreeSet<String>>,
    owners: BTreeSet<String>,
}

impl House {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
        let owners = metadata.packages.iter().filter(|package| {
            let manifest = Path::new(&package.manifest_path);
            manifest.with_file_name("sqlx.toml").exists()
        });
        Self {
            owners: owners.map(|package| package.name.clone()).collect(),
            dependencies: metadata
                .packages
                .iter()
                .map(|package| {
                    let normal = package.dependencies.iter().filter(|it| it.kind.is_none());
                    let names = normal.map(|it| it.name.clone()).collect();
                    (package.name.clone(), names)
                })
                .collect(),
        }
    }

    /// The crates that own a schema, but for `platform`, which they all stand on.
    fn modules(&self) -> impl Iterator<Item = &String> {
        self.owners.iter().filter(|name| *name != "platform")
    }

    /// Every dependency that the design forbids, with what to do about it.
    fn violations(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut check = |name: &str, allowed: &[&str]| {
            let inside = self.dependencies[name]
                .iter()
                .filter(|other| self.dependencies.contains_key(*other));
            for other in inside.filter(|other| !allowed.contains(&other.as_str())) {
                violations.push(format!(
                    "`{name}` depends on `{other}`: dependencies point down only. What happens between modules belongs \
                     into crates/server/src/choreography.rs"
                ));
            }
            for web in WEB
                .iter()
                .filter(|web| self.dependencies[name].contains(**web))
            {
                violations.push(format!(
                    "`{name}` depends on `{web}`: nothing below `server` knows HTTP. Move the handler to \
                     crates/server/src/http"
                ));
            }
        };
        check("kernel", &[]);
        check("platform", &["kernel"]);
        for module in self.modules() {
            check(module, &["kernel", "platform"]);
        }
        violations
    }

    fn with(mut self, name: &str, dependency: &str) -> Self {
        let dependencies = self.dependencies.get_mut(name).unwrap();
        dependencies.insert(dependency.to_owned());
        self
    }
}

#[test]
fn dependencies_point_down_only() {
    let house = House::read();
    assert!(house.modules().count() >= 3, "the modules were not found");
    assert_eq!(house.violations(), Vec::<String>::new());
}

#[test]
fn a_module_that_depends_on_another_is_refused() {
    let violations = House::read().with("orders", "billing").violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].contains("`orders` depends on `billing`"));
}

#[test]
fn axum_below_the_server_is_refused() {
    for name in ["kernel", "platform", "users", "orders", "billing"] {
        let violations = House::read().with(name, "axum").violations();
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains(&format!("`{name}` depends on `axum`")));
    }
}

#[test]
fn a_dependency_that_points_up_is_refused() {
    assert_eq!(
        House::read().with("kernel", "platform").violations().len(),
        1
    );
    assert_eq!(
        House::read().with("platform", "users").violations().len(),
        1
    );
    assert_eq!(House::read().with("users", "server").violations().len(), 1);
}
