//! Dependencies point down only, and nothing below `server` speaks HTTP to people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::scratch::Scratch;

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

impl Package {
    fn owns_a_schema(&self) -> bool {
        let manifest = Path::new(&self.manifest_path);
        manifest.with_file_name("sqlx.toml").exists()
    }

    /// What it depends on, be it for its tests or its build script only.
    fn depends_on(&self) -> impl Iterator<Item = &str> {
        self.dependencies.iter().map(|it| it.name.as_str())
    }

    /// What it depends on outside of tests.
    fn is_made_of(&self) -> impl Iterator<Item = &str> {
        let normal = self.dependencies.iter().filter(|it| it.kind.is_none());
        normal.map(|it| it.name.as_str())
    }
}

/// The crates of a workspace by name.
pub(super) struct House(BTreeMap<String, Package>);

impl House {
    /// Reads the workspace in `folder`.
    pub(super) fn read(folder: &Path) -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline"])
            .args(["--format-version", "1"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
        let packages = metadata.packages.into_iter();
        Self(packages.map(|it| (it.name.clone(), it)).collect())
    }

    /// The crates that own a schema.
    pub(super) fn owners(&self) -> impl Iterator<Item = &str> {
        let owners = self.0.values().filter(|package| package.owns_a_schema());
        owners.map(|package| package.name.as_str())
    }

    /// The owners but for `platform`, which they all stand on.
    fn modules(&self) -> impl Iterator<Item = &str> {
        self.owners().filter(|name| *name != "platform")
    }

    /// The crates of the workspace that the server is made of.
    fn below_the_server(&self) -> BTreeSet<&str> {
        let mut below = BTreeSet::new();
        let mut ahead = vec!["server"];
        while let Some(name) = ahead.pop() {
            let parts = self.0[name].is_made_of();
            for part in parts.filter(|part| *part != "server" && self.0.contains_key(*part)) {
                if below.insert(part) {
                    ahead.push(part);
                }
            }
        }
        below
    }

    /// What runs where people are served: the server and all that it is made of.
    pub(super) fn served(&self) -> Vec<String> {
        let below = self.below_the_server().into_iter();
        below.chain(["server"]).map(str::to_owned).collect()
    }

    /// Every dependency that the design forbids, with what to do about it.
    fn violations(&self) -> Vec<String> {
        let modules: BTreeSet<_> = self.modules().collect();
        let mut violations = Vec::new();
        let below = self.below_the_server();
        for name in below.iter().copied() {
            let package = &self.0[name];
            let allowed: &[&str] = match name {
                "kernel" => &[],
                "platform" => &["kernel"],
                _ if modules.contains(name) => &["kernel", "platform"],
                _ => {
                    violations.push(format!(
                        "`{name}` stands on no floor: a module has a `sqlx.toml`, values belong into `kernel`, adapters \
                         into `platform`"
                    ));
                    continue;
                }
            };
            let parts: BTreeSet<_> = package.depends_on().collect();
            // What stands at the side, as the sandbox does, may serve a module's tests.
            let floors = parts
                .into_iter()
                .filter(|part| *part == "server" || below.contains(part));
            // A crate's tests may ask for a feature of its own.
            for other in floors.filter(|floor| *floor != name && !allowed.contains(floor)) {
                violations.push(format!(
                    "`{name}` depends on `{other}`: dependencies point down only. What happens between modules belongs \
                     into crates/server/src/choreography.rs"
                ));
            }
            for web in package.is_made_of().filter(|part| WEB.contains(part)) {
                violations.push(format!(
                    "`{name}` depends on `{web}`: nothing below `server` knows HTTP. Move the handler to \
                     crates/server/src/http"
                ));
            }
        }
        violations
    }
}

/// The violations in a copy of the workspace in which `name` has another line in a section of its manifest.
fn violations_with(name: &str, section: &str, dependency: &str) -> Vec<String> {
    let (planted, _) = dependency.split_once('.').unwrap();
    let scratch = Scratch::new(&format!("{name}-{section}-{planted}"));
    scratch.plant_in_section(&format!("crates/{name}/Cargo.toml"), section, dependency);
    House::read(scratch.folder()).violations()
}

/// The workspace's own folder: cargo starts a test in its package's.
pub(super) fn root() -> &'static Path {
    Path::new("..")
}

#[test]
fn dependencies_point_down_only() {
    let house = House::read(root());
    assert!(house.modules().count() >= 3, "the modules were not found");
    assert_eq!(house.violations(), Vec::<String>::new());
}

#[test]
fn a_module_that_depends_on_another_is_refused_in_its_tests_too() {
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let violations = violations_with("orders", section, "billing.workspace = true");
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains("`orders` depends on `billing`"));
    }
}

#[test]
fn axum_below_the_server_is_refused() {
    for name in ["kernel", "platform", "users", "orders", "billing"] {
        let violations = violations_with(name, "dependencies", "axum.workspace = true");
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains(&format!("`{name}` depends on `axum`")));
    }
}

#[test]
fn a_dependency_that_points_up_is_refused() {
    for (name, above) in [
        ("kernel", "platform"),
        ("platform", "users"),
        ("users", "server"),
    ] {
        let dependency = format!("{above}.workspace = true");
        let violations = violations_with(name, "dependencies", &dependency);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains(&format!("`{name}` depends on `{above}`")));
    }
}

#[test]
fn a_crate_that_stands_on_no_floor_is_refused() {
    let violations = violations_with("server", "dependencies", "xtask.path = \"../xtask\"");
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert!(violations[0].contains("`xtask` stands on no floor"));
}
