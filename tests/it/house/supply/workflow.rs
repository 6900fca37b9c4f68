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

/// Lines that let a workflow do more than read, beside the one that lets a release push its image.
fn rights(workflow: &str) -> Vec<&str> {
    let lines = workflow.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines
        .filter(|line| line.contains("write") && *line != "packages: write")
        .collect()
}

#[test]
fn a_workflow_runs_what_a_developer_runs_reads_the_sources_and_ends_within_the_hour() {
    for (name, workflow) in workflows() {
        assert!(
            workflow.contains("\npermissions:\n  contents: read\n"),
            "{name}"
        );
        assert_eq!(rights(&workflow), Vec::<&str>::new(), "{name}");
        let may_push = workflow.contains("packages: write");
        assert_eq!(may_push, name == "release.yml", "{name}");
        let jobs = workflow.matches("    runs-on: ").count();
        let limits = workflow.matches("    timeout-minutes: 60\n").count();
        assert_eq!(jobs, limits, "{name}");
        assert!(workflow.contains(".ci/run"), "{name}");
    }
    assert_eq!(rights("  contents: write\n"), ["contents: write"]);
}

/// What stands under the head of a job, up to the next one.
fn job<'a>(workflow: &'a str, name: &str) -> &'a str {
    let (_, job) = workflow.split_once(&format!("\n  {name}:\n")).unwrap();
    let end = job.match_indices("\n  ").find(|(at, _)| {
        let next = job.as_bytes().get(at + 3);
        next.is_some_and(u8::is_ascii_lowercase)
    });
    end.map_or(job, |(at, _)| &job[..at])
}

#[test]
fn nothing_is_released_that_has_not_passed_or_that_nobody_has_let_in() {
    let workflows = workflows();
    let (_, release) = workflows
        .iter()
        .find(|(name, _)| name == "release.yml")
        .unwrap();
    assert!(job(release, "everything").contains(".ci/run"));
    let image = job(release, "image");
    assert!(image.contains("needs: everything") && image.contains("cargo xtask drill image"));
    assert!(
        image.find("drill image") < image.find("docker push"),
        "drilled before it is pushed"
    );
    for environment in ["staging", "production"] {
        let job = job(release, environment);
        assert!(job.contains(&format!("environment: {environment}")));
        assert!(job.contains("image"), "it waits for the image");
    }
    assert!(job(release, "production").contains("needs: [image, staging]"));
}
