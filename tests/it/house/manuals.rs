//! Every command and metric of ours that a manual for operators names exists: whoever reads one has no time to find out.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tests::gates::source::{Source, sources};

use super::graph::{House, root};

/// What people read who run the product.
fn manuals() -> Vec<PathBuf> {
    let runbooks = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let mut manuals: Vec<_> = runbooks.map(|file| file.unwrap().path()).collect();
    manuals.push(root().join("deploy/README.md"));
    manuals.push(root().join("deploy/terraform/README.md"));
    manuals
}

/// The program `name` that this build has made, or the one that has started this test.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join(name);
    assert!(
        program.exists(),
        "{name} is not built: `cargo build --workspace`"
    );
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Whether a program knows a command of these words; its help says so, and does nothing.
fn knows(name: &str, words: &[&str]) -> bool {
    let mut program = program(name);
    program
        .args(words)
        .arg("--help")
        .status()
        .unwrap()
        .success()
}

/// The one or two words of a command line that choose what is done.
fn words(line: &str) -> Vec<&str> {
    let is_word = |word: &&str| {
        word.len() > 1
            && word.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
            && !word.starts_with('-')
    };
    line.split([' ', '`', ')', ';', '\'', '"'])
        .take_while(is_word)
        .take(2)
        .collect()
}

/// Commands and files of ours that a text names in its code, and that are not there.
fn missing(text: &str) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let spans: Vec<&str> = if in_block {
            vec![line.split(" # ").next().unwrap_or_default()]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for span in spans {
            for (name, before) in [("server", "server "), ("xtask", "cargo xtask ")] {
                let starts = span.match_indices(before).filter(|(at, _)| {
                    let former = span[..*at].chars().next_back();
                    former.is_none_or(|it| it == ' ' || it == '/' || it == '"')
                });
                for (at, _) in starts {
                    let words = words(&span[at + before.len()..]);
                    if !words.is_empty() && !knows(name, &words) {
                        missing.insert(format!("{before}{}", words.join(" ")));
                    }
                }
            }
            for path in span.split([' ', '"', '\'', '(', ')', '=']) {
                let path = path
                    .trim_start_matches("/opt/app/")
                    .trim_end_matches(['.', ',', ':', ';']);
                let is_ours = ["deploy/", "docs/", "crates/"]
                    .iter()
                    .any(|it| path.starts_with(it));
                if is_ours && !path.contains('*') && !root().join(path).exists() {
                    missing.insert(path.to_owned());
                }
            }
        }
    }
    missing
}

#[test]
fn every_command_that_a_manual_names_exists() {
    let manuals = manuals();
    assert!(manuals.len() >= 7, "{manuals:?}");
    for manual in manuals {
        let text = fs::read_to_string(&manual).unwrap();
        assert_eq!(missing(&text), BTreeSet::new(), "{}", manual.display());
    }
}

#[test]
fn a_command_or_file_that_is_gone_is_found() {
    let text = "`server jobs lst`, `server jobs list`, `server serve --with-worker`\n```sh\ncargo xtask dirll image\n\
        sudo /var/lib/app/colours/blue/server chek-config\ndeploy/rollback now   # deploy/nothing\n/opt/app/deploy/release status\n```\n";
    let expected = [
        "cargo xtask dirll image",
        "deploy/rollback",
        "server chek-config",
        "server jobs lst",
    ];
    assert_eq!(missing(text), expected.map(str::to_owned).into());
}

/// Names of metrics of ours in a text that no process publishes. A name of ours begins as one of them and has three words:
/// `job_queue_depth`.
fn unpublished(text: &str) -> BTreeSet<String> {
    let served = sources(root(), &House::read(root()).served());
    let published: BTreeSet<&str> = served
        .iter()
        .flat_map(Source::texts)
        .map(|(_, text)| text)
        .filter(|text| text.contains('_'))
        .collect();
    let is_ours = |name: &&str| {
        let words: Vec<_> = name.split('_').collect();
        words.len() >= 3
            && ["backup", "billing", "db", "http", "job", "jobs", "outbound"].contains(&words[0])
    };
    let names = text.split(|it: char| !it.is_ascii_lowercase() && it != '_');
    names
        .map(|name| {
            let series = ["_bucket", "_count", "_sum"];
            let series = series.into_iter().find_map(|end| name.strip_suffix(end));
            series.unwrap_or(name)
        })
        .filter(is_ours)
        .filter(|name| !published.contains(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_metric_that_a_manual_or_an_alarm_names_is_published() {
    let rules = fs::read_dir(root().join("deploy/prometheus/rules")).unwrap();
    let rules = rules.map(|file| file.unwrap().path());
    for file in manuals().into_iter().chain(rules) {
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(unpublished(&text), BTreeSet::new(), "{}", file.display());
    }
}

#[test]
fn a_metric_that_nobody_publishes_is_found() {
    let text = "`rate(http_requests_total[5m])`, `job_queue_oldest_secs`, `http_request_duration_seconds_bucket`";
    assert_eq!(
        unpublished(text),
        ["job_queue_oldest_secs".to_owned()].into()
    );
}
