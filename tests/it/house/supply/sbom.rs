//! `cargo xtask sbom` says what the server is made of, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::super::scratch::target;
use super::{refusal, root};

/// The document that the command writes.
fn written() -> Value {
    let mut xtask = Command::new(env!("CARGO"));
    xtask.args(["run", "--quiet", "--package", "xtask", "--", "sbom"]);
    assert_eq!(refusal(xtask.current_dir(root())), None);
    serde_json::from_slice(&fs::read(target().join("sbom.json")).unwrap()).unwrap()
}

/// The packages that cargo would build for the server, `name@version`. `edges` says for what.
fn built(edges: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "server", "--edges", edges])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(format!(
            "{}@{}",
            words.next()?,
            words.next()?.strip_prefix('v')?
        ))
    });
    packages.collect()
}

/// The packages of a registry by `name@version`, each with its checksum.
fn locked() -> BTreeMap<String, String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let packages = lock.split("\n\n").filter_map(|package| {
        let value = |key: &str| {
            let line = package
                .lines()
                .find(|line| line.starts_with(&format!("{key} = ")))?;
            line.split('"').nth(1).map(str::to_owned)
        };
        Some((
            format!("{}@{}", value("name")?, value("version")?),
            value("checksum")?,
        ))
    });
    packages.collect()
}

fn name_of(component: &Value) -> String {
    let text = |key: &str| component[key].as_str().unwrap_or_default().to_owned();
    format!("{}@{}", text("name"), text("version"))
}

fn components(document: &Value) -> impl Iterator<Item = &Value> {
    document["components"].as_array().into_iter().flatten()
}

/// What a reader of the document would be told wrongly, or not at all.
fn complaints(document: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    if document["bomFormat"] != "CycloneDX" || document["specVersion"] != "1.6" {
        complaints.push("it is no CycloneDX 1.6".to_owned());
    }
    let server = &document["metadata"]["component"];
    let told: BTreeSet<_> = components(document).chain([server]).map(name_of).collect();
    let all = built("normal,build");
    complaints.extend(all.difference(&told).map(|it| format!("{it} is missing")));
    complaints.extend(
        told.difference(&all)
            .map(|it| format!("{it} is no part of the server")),
    );

    let shipped = built("normal,no-proc-macro");
    let locked = locked();
    for component in components(document) {
        let name = name_of(component);
        let required = component["scope"] == "required";
        if required != shipped.contains(&name) {
            complaints.push(format!("{name} is shipped, or it is not"));
        }
        let checksum = component["hashes"][0]["content"].as_str();
        if checksum != locked.get(&name).map(String::as_str) {
            complaints.push(format!("{name} has another checksum"));
        }
        let licence = component["licenses"][0]["expression"].as_str();
        if licence.is_none_or(|licence| licence.is_empty() || licence.contains('/')) {
            complaints.push(format!("{name} has no licence"));
        }
        let purl = format!("pkg:cargo/{}", name.replace('+', "%2B"));
        if component["purl"] != *purl || component["bom-ref"] != *purl {
            complaints.push(format!("{name} has another address"));
        }
    }
    let refs: BTreeSet<_> = components(document)
        .chain([server])
        .map(|component| component["bom-ref"].to_string())
        .collect();
    for dependency in document["dependencies"].as_array().into_iter().flatten() {
        let parts = dependency["dependsOn"].as_array().into_iter().flatten();
        for part in parts.chain([&dependency["ref"]]) {
            if !refs.contains(&part.to_string()) {
                complaints.push(format!("{part} is referred to and is not there"));
            }
        }
    }
    complaints
}

#[test]
fn the_bill_of_materials_names_all_that_the_server_is_made_of() {
    let document = written();
    assert_eq!(complaints(&document), Vec::<String>::new());
    assert!(components(&document).count() > 200);
    // What only tests need, and what only this machine knows.
    let text = document.to_string();
    assert!(!text.contains("pkg:cargo/proptest@") && !text.contains("pkg:cargo/fuzzing@"));
    assert!(!text.contains(root().to_str().unwrap()));
    assert_eq!(document, written(), "it says the same each time");
}

#[test]
fn a_bill_that_leaves_out_or_alters_something_is_refused() {
    let document = written();
    let tampered = |tamper: &dyn Fn(&mut Value)| {
        let mut document = document.clone();
        tamper(&mut document);
        complaints(&document)
    };
    let component = &document["components"][0];
    let name = name_of(component);
    let gone = tampered(&|document| {
        document["components"].as_array_mut().unwrap().remove(0);
    });
    assert!(gone.contains(&format!("{name} is missing")), "{gone:?}");
    for (key, value, complaint) in [
        (
            "hashes",
            serde_json::json!([{ "content": "00" }]),
            "has another checksum",
        ),
        ("licenses", Value::Null, "has no licence"),
        (
            "purl",
            "pkg:npm/left-pad@1.0.0".into(),
            "has another address",
        ),
        ("version", "0.0.0".into(), "is no part of the server"),
    ] {
        let found = tampered(&|document| document["components"][0][key] = value.clone());
        assert!(
            found.iter().any(|found| found.ends_with(complaint)),
            "{found:?}"
        );
    }
}
