//! Shell scripts, wherever they lie.

use std::fs;

use super::{files, linter, refusal, root};

/// Every file whose first line names a shell, with or without an ending to its name.
fn scripts() -> Vec<String> {
    let is_script = |file: &String| {
        let bytes = fs::read(root().join(file)).unwrap();
        let line = bytes.split(|byte| *byte == b'\n').next();
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        line.starts_with("#!") && line.trim_end().ends_with("sh")
    };
    files(".").into_iter().filter(is_script).collect()
}

#[test]
fn no_script_has_what_shellcheck_knows_to_go_wrong() {
    let scripts = scripts();
    assert!(scripts.contains(&".ci/run".to_owned()), "{scripts:?}");
    let Some(mut shellcheck) = linter("shellcheck", "--version") else {
        return;
    };
    shellcheck.args(["--external-sources", "--source-path=SCRIPTDIR"]);
    assert_eq!(refusal(shellcheck.args(scripts)), None);
}

#[test]
fn a_script_that_would_delete_the_wrong_folder_is_refused() {
    let Some(mut shellcheck) = linter("shellcheck", "--version") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("planted");
    fs::write(&script, "#!/usr/bin/env bash\nrm -rf $1/current\n").unwrap();
    let refusal = refusal(shellcheck.arg(script)).unwrap();
    assert!(refusal.contains("SC2086"), "{refusal}");
}

#[test]
fn every_script_for_bash_stops_at_the_first_fault() {
    let sloppy = |file: &String| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        text.lines().next().unwrap().ends_with("bash") && !text.contains("\nset -euo pipefail\n")
    };
    // What is only read by other scripts has no first line.
    let sloppy: Vec<_> = scripts().into_iter().filter(sloppy).collect();
    assert_eq!(sloppy, Vec::<String>::new());
}
