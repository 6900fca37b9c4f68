//! The hosted workflows run what a developer runs, and nothing that can change unseen.

use std::collections::BTreeMap;

use tests::workflows::{self, Job, Step, Workflow};

/// Somebody's actions that are named by what can be moved, a tag or a branch.
fn unpinned(workflow: &Workflow) -> Vec<&str> {
    let actions = steps(workflow).filter_map(|step| step.uses.as_deref());
    let is_pinned = |action: &str| {
        let commit = action.split_once('@').map(|(_, commit)| commit);
        commit.is_some_and(|commit| {
            commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    };
    actions.filter(|action| !is_pinned(action)).collect()
}

fn steps(workflow: &Workflow) -> impl Iterator<Item = &Step> {
    workflow.jobs.values().flat_map(|job| &job.steps)
}

/// Where the first step stands whose commands contain `text`.
fn place(job: &Job, text: &str) -> Option<usize> {
    let runs = |step: &Step| step.run.as_deref().is_some_and(|run| run.contains(text));
    job.steps.iter().position(runs)
}

#[test]
fn every_action_is_pinned_to_a_commit() {
    let workflows = workflows::all();
    assert!(!workflows.is_empty());
    for (name, workflow) in workflows {
        assert_eq!(unpinned(&workflow), Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn an_action_that_a_tag_names_is_found() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let workflow = format!(
        "permissions: {{}}\njobs:\n  one:\n    timeout-minutes: 1\n    steps:\n    - uses: somebody/one@v4\n    \
         - uses: somebody/two@{commit} # v4\n    - uses: ./three\n"
    );
    let workflow = Workflow::parse(&workflow).unwrap();
    assert_eq!(unpinned(&workflow), ["somebody/one@v4", "./three"]);
}

#[test]
fn a_workflow_runs_what_a_developer_runs_reads_the_sources_and_ends_within_the_hour() {
    let reads = BTreeMap::from([("contents".to_owned(), "read".to_owned())]);
    let pushes = BTreeMap::from([("packages".to_owned(), "write".to_owned())]);
    let pushes: BTreeMap<_, _> = reads.clone().into_iter().chain(pushes).collect();
    for (name, workflow) in workflows::all() {
        assert_eq!(workflow.permissions, reads, "{name}");
        for (job_name, job) in &workflow.jobs {
            let name = format!("{name}: {job_name}");
            assert_eq!(job.timeout_minutes, 60, "{name}");
            let is_the_one_that_pushes = name == "release.yml: image";
            let granted = is_the_one_that_pushes.then_some(&pushes);
            assert_eq!(
                job.permissions,
                granted.cloned().unwrap_or_default(),
                "{name}"
            );
        }
        let everything = &workflow.jobs["everything"];
        assert!(place(everything, ".ci/run").is_some(), "{name}");
    }
}

#[test]
fn nothing_is_released_that_has_not_passed_or_that_nobody_has_let_in() {
    let release = &workflows::all()["release.yml"];
    let job = |name: &str| &release.jobs[name];
    let image = job("image");
    assert_eq!(image.needs.names(), ["everything"]);
    let (drilled, pushed) = (
        place(image, "cargo xtask drill image"),
        place(image, "docker push"),
    );
    assert!(
        drilled.is_some() && drilled < pushed,
        "drilled before it is pushed"
    );
    assert_eq!(job("staging").needs.names(), ["image"]);
    assert_eq!(job("production").needs.names(), ["image", "staging"]);
    for environment in ["staging", "production"] {
        assert_eq!(job(environment).environment.as_deref(), Some(environment));
    }
    let reach_a_host = release.jobs.iter().filter_map(|(name, job)| {
        let is_named = place(job, "deploy/release").is_some();
        is_named.then_some(name.as_str())
    });
    let reach_a_host: Vec<_> = reach_a_host.collect();
    assert_eq!(reach_a_host, ["production", "staging"]);
}
