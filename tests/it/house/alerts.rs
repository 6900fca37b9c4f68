//! The rules of the alarms ring when they should, and lead to somebody who knows what to do.

use std::fs;
use std::process::Command;

use super::graph::root;

/// The files of a folder of `deploy/prometheus`.
fn files(folder: &str) -> Vec<String> {
    let folder = root().join("deploy/prometheus").join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

/// What `promtool`, of Debian's package prometheus, says when it refuses.
fn refusal(tests: &[String]) -> Option<String> {
    let mut promtool = Command::new("promtool");
    let tried = promtool.args(["test", "rules"]).args(tests).output();
    let tried = tried.expect("promtool, which `cargo xtask test unit` installs");
    let said = [tried.stdout, tried.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (!tried.status.success()).then_some(said)
}

#[test]
fn every_alarm_rings_when_it_should_and_only_then() {
    let tests = files("tests");
    assert_eq!(refusal(&tests), None);
    let tested: String = tests
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for rules in files("rules") {
        let rules = fs::read_to_string(rules).unwrap();
        for alert in rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- alert: "))
        {
            assert!(
                tested.contains(&format!("alertname: {alert}\n")),
                "nothing fires {alert}"
            );
        }
    }
}

#[test]
fn an_alarm_that_does_not_ring_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let plant = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let prometheus = root().join("deploy/prometheus");
    let rules = fs::read_to_string(prometheus.join("rules/backup.yml")).unwrap();
    for (sound, fault) in [
        ("26 * 3600", "27 * 3600"),
        (" or absent(backup_last_timestamp_seconds)", ""),
        ("8 * 86400", "9 * 86400"),
        ("15 * 60", "45 * 60"),
    ] {
        assert!(rules.contains(sound), "{sound}");
        plant("rules/backup.yml", &rules.replacen(sound, fault, 1));
        let tests = fs::read_to_string(prometheus.join("tests/backup.yml")).unwrap();
        let refused = refusal(&[plant("tests/backup.yml", &tests)]);
        assert!(refused.unwrap_or_default().contains("FAILED"), "{fault}");
    }
}

#[test]
fn every_alarm_leads_to_a_runbook() {
    for rules in files("rules") {
        let text = fs::read_to_string(&rules).unwrap();
        let named = |key: &str| {
            text.lines()
                .filter_map(|line| line.trim().strip_prefix(key))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let runbooks = named("runbook_url: ");
        assert_eq!(runbooks.len(), named("- alert: ").len(), "{rules}");
        for runbook in runbooks {
            assert!(
                root().join(&runbook).is_file(),
                "{rules}: {runbook} is not there"
            );
        }
    }
}
