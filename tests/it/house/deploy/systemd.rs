//! The units of the plain path.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{files, linter, read, refusal};

/// The highest exposure that a unit may have: systemd's own judgement, from 0 to 10. What is left of it is that the shop uses
/// the network.
const EXPOSURE: f64 = 1.3;

/// The units with these endings, by their paths.
fn units(endings: &[&str]) -> Vec<String> {
    let all = files("deploy/systemd").into_iter();
    let is_wanted = |file: &String| endings.iter().any(|ending| file.ends_with(ending));
    all.filter(is_wanted).collect()
}

/// The unit as an instance, in `folder`. What it starts is not on this machine: something is started in its place.
fn instance(unit: &str, folder: &Path) -> String {
    let name = Path::new(unit).file_name().unwrap().to_str().unwrap();
    let name = name.replace("@.", "@blue.");
    let text = read(unit);
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((key, _)) if key.starts_with("Exec") => format!("{key}=/bin/true"),
        Some(("Documentation", _)) => String::new(),
        _ => line.to_owned(),
    });
    let text: Vec<_> = lines.collect();
    fs::write(folder.join(&name), text.join("\n")).unwrap();
    name
}

fn verify(folder: &Path, names: &[String]) -> Option<Command> {
    let mut verify = linter("systemd-analyze", "--version")?;
    verify.args(["verify", "--man=no", "--recursive-errors=no"]);
    verify.args(names.iter().map(|name| folder.join(name)));
    Some(verify)
}

/// What was said; a directive that systemd does not know is a warning to it.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn systemd_understands_every_unit() {
    let units = units(&[".service", ".timer"]);
    assert!(units.len() >= 2, "{units:?}");
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = units
        .iter()
        .map(|unit| instance(unit, folder.path()))
        .collect();
    let Some(mut verify) = verify(folder.path(), &names) else {
        return;
    };
    assert_eq!(said(&mut verify), "");
}

#[test]
fn a_directive_that_systemd_does_not_know_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let name = instance("deploy/systemd/app@.service", folder.path());
    let file = folder.path().join(&name);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("ProtectHome=yes", "ProtectHoem=yes")).unwrap();
    let Some(mut verify) = verify(folder.path(), &[name]) else {
        return;
    };
    let said = said(&mut verify);
    assert!(said.contains("ProtectHoem"), "{said}");
}

/// Asks systemd whether a unit is exposed to more than it may be.
fn exposure(folder: &Path, name: &str) -> Option<Command> {
    let mut security = linter("systemd-analyze", "--version")?;
    let threshold = format!("--threshold={}", EXPOSURE * 10.0);
    security.args(["security", "--offline=true", "--no-pager", &threshold]);
    security.arg(folder.join(name));
    Some(security)
}

#[test]
fn what_serves_and_works_is_shut_in() {
    for unit in [
        "deploy/systemd/app@.service",
        "deploy/systemd/worker@.service",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let name = instance(unit, folder.path());
        let Some(mut exposure) = exposure(folder.path(), &name) else {
            return;
        };
        assert_eq!(refusal(&mut exposure), None, "{unit}");
    }
}

#[test]
fn a_unit_that_may_write_everywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let name = instance("deploy/systemd/app@.service", folder.path());
    let file = folder.path().join(&name);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("ProtectSystem=strict\n", "")).unwrap();
    let Some(mut exposure) = exposure(folder.path(), &name) else {
        return;
    };
    let exposed = refusal(&mut exposure).unwrap();
    assert!(exposed.contains("ProtectSystem"), "{exposed}");
}
