//! The hosted workflow runs what a developer runs, and nothing that can change unseen.

use std::fs;

use super::root;

/// Steps of `workflow` that name somebody's action by what can be moved, a tag or a branch.
fn unpinned(workflow: &str) -> Vec<String> {
    let steps = workflow
        .lines()
        .map(|line| line.trim().trim_start_matches("- "));
    let actions = steps.filter_map(|step| step.strip_prefix("uses:"));
    let is_pinned = |action: &str| {
        let commit = action.split_once('@').map(|(_, commit)| commit);
        let commit = commit.and_then(|commit| commit.split_whitespace().next());
        commit.is_some_and(|commit| {
            commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    let unpinned = actions.filter(|action| !is_pinned(action));
    unpinned.map(|action| action.trim().to_owned()).collect()
}

fn workflows() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join(".github/workflows")).unwrap();
    let files = folder.map(|file| {
        let file = file.unwrap();
        let name = file.file_name().to_string_lossy().into_owned();
        (name, fs::read_to_string(file.path()).unwrap())
    });
    files.collect()
}

#[test]
fn every_action_is_pinned_to_a_commit() {
    let workflows = workflows();
    assert!(!workflows.is_empty());
    for (name, workflow) in workflows {
        assert_eq!(unpinned(&workflow), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn an_action_that_a_tag_names_is_found() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let workflow = format!(
        "steps:\n  - uses: somebody/one@v4\n  - name: two\n    uses: somebody/two@{commit} # v4\n  - uses: ./three\n"
    );
    assert_eq!(unpinned(&workflow), ["somebody/one@v4", "./three"]);
}

#[test]
fn a_workflow_may_read_the_sources_and_ends_within_the_hour() {
    for (name, workflow) in workflows() {
        assert!(
            workflow.contains("\npermissions:\n  contents: read\n"),
            "{name}"
        );
        assert!(!workflow.contains("write"), "{name}");
        assert!(workflow.contains("timeout-minutes: 60"), "{name}");
        assert!(workflow.contains(".ci/run"), "{name}");
    }
}
