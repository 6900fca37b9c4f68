//! Which release still runs.

use std::{fmt, path::Path, process::Command};

use anyhow::{Context, bail};

const NO_HISTORY: &str = "git knows no history here, so nobody can tell which release still runs: run this in a clone of the repository";

const SHALLOW: &str = "this clone is shallow, so the release that still runs is not in it: fetch it with \
                       `git fetch --unshallow --tags` (on a build server, with `fetch-depth: 0`)";

/// The latest first, `v2` before `v2-rc1`. A tag of this very commit names the release to come.
const TAGS: [&str; 9] = [
    "-c",
    "versionsort.suffix=-",
    "tag",
    "--merged=HEAD",
    "--no-contains=HEAD",
    "--sort=-version:refname",
    "--column=never",
    "--list",
    "v*",
];

/// A commit of this repository.
pub(super) struct Release {
    pub(super) commit: String,
    title: String,
    why: &'static str,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.title, self.why)
    }
}

/// The history of a checkout.
pub(super) struct Repository<'a>(pub(super) &'a Path);

impl Repository<'_> {
    /// The release that is called `name`, else the one that this checkout would replace.
    pub(super) fn release(&self, name: Option<&str>) -> anyhow::Result<Release> {
        let named = match name {
            Some(name) => self.find(name, "as told")?,
            None => None,
        };
        if let Some(named) = named {
            return Ok(named);
        }
        self.require_history()?;
        match name {
            Some(name) => {
                bail!(
                    "there is no commit {name}: `git tag` and `git log --oneline` say what there is"
                )
            }
            None => self.latest_release(),
        }
    }

    fn latest_release(&self) -> anyhow::Result<Release> {
        if let Some(tags) = self.ask(&TAGS)?
            && let Some(tag) = tags.lines().next()
            && let Some(release) = self.find(tag, "the latest tag")?
        {
            return Ok(release);
        }
        let merge = ["rev-list", "--first-parent", "--merges", "-1", "HEAD"];
        if let Some(merge) = self.ask(&merge)?
            && let Some(release) = self.find(
                &format!("{merge}^1"),
                "before the last merge, as there is no tag `v*`",
            )?
        {
            return Ok(release);
        }
        let migrations = ["rev-list", "-1", "HEAD", "--", "migrations/*/*.sql"];
        let last = self.ask(&migrations)?;
        let last = last.context("no migration is committed, so no release can run on any")?;
        let before = self.find(
            &format!("{last}^"),
            "before the last change of a migration, as there is neither a tag `v*` nor a merge",
        )?;
        if let Some(before) = before {
            return Ok(before);
        }
        let first = self.find(&last, "the first, as there is none before it")?;
        first.context("read a commit that was listed")
    }

    fn find(&self, name: &str, why: &'static str) -> anyhow::Result<Option<Release>> {
        let commit = format!("{name}^{{commit}}");
        let Some(commit) = self.ask(&["rev-parse", "--verify", "--quiet", &commit])? else {
            return Ok(None);
        };
        let title = self.ask(&["log", "-1", "--format=%h %s", &commit])?;
        Ok(Some(Release {
            commit,
            title: title.unwrap_or_default(),
            why,
        }))
    }

    fn require_history(&self) -> anyhow::Result<()> {
        match self
            .ask(&["rev-parse", "--is-shallow-repository"])?
            .as_deref()
        {
            None => bail!(NO_HISTORY),
            Some("true") => bail!(SHALLOW),
            Some(_) => Ok(()),
        }
    }

    /// What git answers; `None` where it has no answer.
    fn ask(&self, question: &[&str]) -> anyhow::Result<Option<String>> {
        let git = Command::new("git")
            .current_dir(self.0)
            .args(question)
            .output();
        let output = git.context("run git, which knows what was released: install it")?;
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !answer.is_empty()).then_some(answer))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
        let mut command = Command::new("git");
        command.current_dir(folder).args(identity).args(arguments);
        let output = command.output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
    }

    fn commit(folder: &Path, title: &str, file: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, title).unwrap();
        git(folder, &["add", "."]);
        git(folder, &["commit", "-m", title]);
    }

    fn chosen(folder: &Path, name: Option<&str>) -> String {
        let release = Repository(folder).release(name);
        release.map_or_else(
            |error| error.to_string(),
            |release| release.title.split_once(' ').unwrap().1.to_owned(),
        )
    }

    #[test]
    fn the_release_that_runs_is_the_last_that_this_commit_would_replace() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(chosen(folder, None), NO_HISTORY);
        git(folder, &["init", "-b", "main"]);
        commit(folder, "one", "migrations/users/0001.up.sql");
        assert_eq!(chosen(folder, None), "one");
        commit(folder, "two", "README.md");
        commit(folder, "three", "migrations/users/0002.up.sql");
        commit(folder, "four", "migrations/README.md");
        assert_eq!(chosen(folder, None), "two");

        git(folder, &["checkout", "-b", "side", "HEAD^"]);
        commit(folder, "five", "side.md");
        git(folder, &["checkout", "main"]);
        git(folder, &["merge", "--no-ff", "-m", "six", "side"]);
        assert_eq!(chosen(folder, None), "four");

        git(folder, &["tag", "v9", "HEAD^"]);
        git(folder, &["tag", "v10-rc1", "HEAD^"]);
        git(folder, &["tag", "v10", "HEAD^2"]);
        git(folder, &["tag", "v11"]);
        assert_eq!(chosen(folder, None), "five");
        assert_eq!(chosen(folder, Some("v11")), "six");
        let unknown = chosen(folder, Some("v12"));
        assert!(unknown.starts_with("there is no commit v12"), "{unknown}");
    }

    #[test]
    fn a_clone_without_history_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, shallow) = (folder.path().join("whole"), folder.path().join("shallow"));
        fs::create_dir(&whole).unwrap();
        git(&whole, &["init"]);
        commit(&whole, "one", "migrations/users/0001.up.sql");
        commit(&whole, "two", "README.md");
        let from = format!("file://{}", whole.display());
        let to = shallow.display().to_string();
        git(folder.path(), &["clone", "--depth", "1", &from, &to]);
        assert_eq!(chosen(&shallow, None), SHALLOW);
        assert_eq!(chosen(&shallow, Some("v1")), SHALLOW);
        assert_eq!(chosen(&shallow, Some("HEAD")), "two");
    }
}
