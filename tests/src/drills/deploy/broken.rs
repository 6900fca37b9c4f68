//! Releases that do not succeed, one after the other, behind the same shop: each leaves the old release serving.
#![expect(
    clippy::disallowed_methods,
    reason = "it holds a lock, as a report that somebody runs by hand does"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sqlx::Connection as _;
use tokio::process::Command;

use super::next_release;
use super::site::{Site, Wire, told};
use crate::drills::Measured;
use crate::eventually;

pub(super) async fn releases() -> Measured {
    let site = Site::open("drill-release-broken", Wire::Plain).await;
    let broken = Broken { site: &site };
    // First: whatever comes later has written the assets that do not fit here, and applied the migration that has to wait.
    broken.finds_the_disk_full().await;
    broken.waits_for_a_lock().await;
    broken.does_not_start().await;
    broken.does_not_get_ready().await;
    broken.fails_the_smoke_test().await;
    broken.has_no_worker().await;
    broken.comes_while_another_runs().await;
    broken.is_not_what_caddy_shows().await;
    broken.is_cut_off().await;
    "ends at once, never ready, fails the smoke test, answers as another, has no worker, waits for a lock, disk full (artefact, \
     assets), second release meanwhile, no backup, Caddy elsewhere: each told why, the old one served; cut off before and \
     after the switch: put right by the next"
        .to_owned()
}

struct Broken<'a> {
    site: &'a Site,
}

impl Broken<'_> {
    async fn does_not_start(&self) {
        let program = self.program("ends", "serve) echo no >&2; exit 1 ;;");
        let release = self.release("ends", &program);
        self.refused(release, "ready", "the app of ends has ended")
            .await;
    }

    async fn does_not_get_ready(&self) {
        let program = self.program("dawdles", "serve) exec -a \"$0\" sleep 600 ;;");
        let mut release = self.release("dawdles", &program);
        release.env("READY_SECONDS", "3");
        let because = "did not get ready in 3 s";
        self.refused(release, "ready", because).await;
    }

    async fn fails_the_smoke_test(&self) {
        let mut release = self.release("broken", &next_release());
        release.env("SMOKE_PATH", "/nowhere");
        self.refused(release, "smoke", "404").await;

        let program = self.program("other", "serve) export RELEASE=another ;;");
        let release = self.release("other", &program);
        let because = "another release than other answers";
        self.refused(release, "smoke", because).await;
    }

    async fn has_no_worker(&self) {
        let program = self.program("idle", "worker) exit 1 ;;");
        let release = self.release("idle", &program);
        self.refused(release, "worker", "the worker of idle has ended")
            .await;
    }

    /// Somebody's report holds a table that the next release adds a column to.
    async fn waits_for_a_lock(&self) {
        let mut connection = self.site.shop.connect().await;
        let mut report = connection.begin().await.expect("a transaction");
        sqlx::query("SELECT FROM orders.products")
            .execute(&mut *report)
            .await
            .expect("a report");
        let mut release = self.release("locked", &next_release());
        release.env("MIGRATE_SECONDS", "5");
        self.refused(release, "migrate", "took longer than 5 s")
            .await;
    }

    /// The journal fits under both limits, the artefact and the style sheet do not.
    async fn finds_the_disk_full(&self) {
        let next = next_release();
        let arguments = ["--name", "large", &*next.to_string_lossy()];
        let release = self.site.release_by(&limited_to(64), &arguments);
        self.refused(release, "fetch", "File too large").await;

        let program = self.program("small", "");
        let arguments = ["--name", "small", &*program.to_string_lossy()];
        let release = self.site.release_by(&limited_to(4), &arguments);
        self.refused(release, "assets", "File too large").await;
    }

    async fn comes_while_another_runs(&self) {
        let gate = self.site.run_folder().join("gate");
        // It ends by itself, whatever becomes of this drill.
        let backup = format!(
            "for _ in $(seq 300); do [ ! -e {} ] || exit 1; sleep 0.1; done; exit 1",
            gate.display()
        );
        let mut first = self.release("first", &next_release());
        let first = first.env("BACKUP_COMMAND", backup);
        let first = first.stderr(Stdio::piped()).spawn();
        let first = first.expect("a release that starts");
        self.reaches("first", "fetch").await;

        let second = self.release("second", &next_release()).output().await;
        let second = second.expect("a script that can be started");
        assert!(!second.status.success(), "two releases at once");
        let said = told(&second);
        assert!(said.contains("another release runs"), "{said}");

        fs::write(gate, "").expect("a gate that opens");
        let first = first.wait_with_output().await.expect("an end");
        self.left_the_old_one(&first, "backup", "").await;
    }

    /// The address that is looked at after the switch is a colour's own, as that of a Caddy with another run folder may be.
    async fn is_not_what_caddy_shows(&self) {
        let mut release = self.release("elsewhere", &next_release());
        release.env("SITE_URL", self.site.url_of_serving_colour());
        let because = "shows no colour instead of";
        self.refused(release, "switch", because).await;
    }

    /// By `kill -9`, so that nothing is tidied up.
    async fn is_cut_off(&self) {
        let site = self.site;
        let next = next_release();
        self.cut_off_after("start", "next", &next).await;
        self.until_the_lock_is_free().await;
        site.must(&["--name", "next", &next.to_string_lossy()])
            .await;
        self.serves("next").await;

        self.cut_off_after("switch", "further", &next).await;
        self.until_the_lock_is_free().await;
        self.serves_whatever_else_runs("further").await;
        site.must(&["rollback"]).await;
        self.serves("next").await;
    }

    async fn cut_off_after(&self, step: &str, name: &str, program: &Path) {
        let mut release = self.release(name, program);
        let release = release.stdout(Stdio::null()).stderr(Stdio::null());
        let mut release = release.spawn().expect("a release that starts");
        self.reaches(name, step).await;
        release.kill().await.expect("a release that ends");
    }

    /// What the script had called, a `sleep` perhaps, holds the lock as well.
    async fn until_the_lock_is_free(&self) {
        let lock = self.site.run_folder().join("lock");
        eventually("a lock that is free", async || {
            let mut taking = Command::new("flock");
            let taking = taking.arg("--nonblock").arg(&lock).arg("true").status();
            taking.await.ok()?.success().then_some(())
        })
        .await;
    }

    fn release(&self, name: &str, program: &Path) -> Command {
        self.site
            .release(&["--name", name, &program.to_string_lossy()])
    }

    /// The next release's program, but for some of its commands.
    fn program(&self, name: &str, commands: &str) -> PathBuf {
        let real = next_release();
        let script = format!(
            "#!/bin/bash\ncase $1 in\n{commands}\nesac\nexec -a \"$0\" {} \"$@\"\n",
            real.display()
        );
        let program = self.site.run_folder().join(format!("{name}.sh"));
        fs::write(&program, script).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        program
    }

    async fn refused(&self, mut release: Command, step: &str, because: &str) {
        let released = release.output().await;
        let released = released.expect("a script that can be started");
        self.left_the_old_one(&released, step, because).await;
    }

    async fn left_the_old_one(&self, released: &Output, step: &str, because: &str) {
        let said = told(released);
        assert!(!released.status.success(), "it should have failed: {said}");
        let verdict = format!("Step '{step}' failed: current on ");
        assert!(said.contains(&verdict) && said.contains(because), "{said}");
        let last = self.journal().pop().unwrap_or_default();
        let noted = format!(r#""step":"{step}","outcome":"failed""#);
        assert!(last.contains(&noted), "{last}");
        self.serves("current").await;
    }

    /// Only this release runs, and people are served by it.
    async fn serves(&self, name: &str) {
        self.serves_whatever_else_runs(name).await;
        let idle = other(self.site.colour());
        for port in ["APP_METRICS", "WORKER_METRICS"] {
            let runs = self.site.release_behind(&format!("{idle}_{port}")).await;
            assert_eq!(runs, None, "{idle} is left running");
        }
    }

    async fn serves_whatever_else_runs(&self, name: &str) {
        let shop = &self.site.shop;
        let page = shop.client().get(shop.url("/products")).send().await;
        let page = page.expect("an answer");
        assert_eq!(page.status(), 200);
        let colour = self.site.colour();
        let shown = page.headers()["x-colour"].to_str().expect("a colour");
        assert_eq!(shown.to_uppercase(), colour);
        for port in ["APP_METRICS", "WORKER_METRICS"] {
            let runs = self.site.release_behind(&format!("{colour}_{port}")).await;
            assert_eq!(runs.as_deref(), Some(name), "{port}");
        }
    }

    async fn reaches(&self, name: &str, step: &str) {
        let done = format!(r#""step":"{step}","outcome":"done""#);
        let of_it = format!(r#""release":"{name}""#);
        eventually("a step that is done", async || {
            let journal = self.journal();
            let mut lines = journal.iter();
            lines
                .find(|line| line.contains(&of_it) && line.contains(&done))
                .map(|_| ())
        })
        .await;
    }

    fn journal(&self) -> Vec<String> {
        let journal = fs::read_to_string(self.site.run_folder().join("journal.jsonl"));
        journal
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// Has a program write no file beyond so many KiB: it is told so, as by a disk that is full, and not killed.
fn limited_to(kib: u32) -> [String; 4] {
    let limited = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\"");
    ["bash".to_owned(), "-c".to_owned(), limited, "-".to_owned()]
}

fn other(colour: &str) -> &'static str {
    if colour == "GREEN" { "BLUE" } else { "GREEN" }
}
