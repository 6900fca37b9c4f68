//! Prometheus' settings and the rules of its alarms.

use std::fs;

use super::{files, linter, refusal, root};

#[test]
fn prometheus_reads_its_settings_and_every_rule() {
    let Some(mut promtool) = linter("promtool", "--version") else {
        return;
    };
    let settings = root().join("deploy/prometheus/prometheus.yml");
    // Reads the rules that the settings name, which in the container lie beside them.
    promtool.args(["check", "config", "--syntax-only"]);
    assert_eq!(refusal(promtool.arg(settings)), None);
    let rules = files("deploy/prometheus/rules");
    if !rules.is_empty() {
        let mut promtool = linter("promtool", "--version").unwrap();
        assert_eq!(refusal(promtool.args(["check", "rules"]).args(rules)), None);
    }
}

#[test]
fn a_rule_that_prometheus_cannot_read_is_refused() {
    let Some(mut promtool) = linter("promtool", "--version") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("planted.yml");
    let text = "groups:\n  - name: planted\n    rules:\n      - alert: Planted\n        expr: rate(x[5m)\n";
    fs::write(&rules, text).unwrap();
    let refusal = refusal(promtool.args(["check", "rules"]).arg(rules)).unwrap();
    assert!(refusal.contains("could not parse expression"), "{refusal}");
}
