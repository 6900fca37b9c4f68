//! `cargo xtask dev` in the foreground, over a copy of the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use super::{State, recorded_programs};
use crate::{
    checkout::shown,
    copy::{self, edit, xtask},
    dev::START_LIMIT,
    prepare::touch,
    process::{self, Interrupt, Managed, wait_until},
    services::{DATABASE, Purpose, Services},
    shop::page,
};

/// What a rehearsal changes in its copy.
const SOURCE: &str = "crates/orders/src/place.rs";
const TEMPLATE: &str = "crates/server/templates/layout.html";
const ASSET: &str = "crates/server/assets/app.css";
/// Beside the migration that is added.
const MIGRATION: &str = "migrations/orders/0001_catalogue.up.sql";

/// From Ctrl-C to the end of the last program: a worker finishes its jobs first.
const END_LIMIT: Duration = Duration::from_mins(1);

/// Rehearses in `folder`.
pub(super) fn run(folder: &Path, interrupt: &Interrupt) -> anyhow::Result<()> {
    copy::make(folder, &[SOURCE, TEMPLATE, ASSET, MIGRATION], interrupt)?;
    let mut bystander = Bystander::start(folder)?;
    let mut watching = Watching::start(folder, interrupt)?;
    watching.restarts_with_a_source()?;
    watching.restarts_with_a_template()?;
    watching.restarts_with_an_asset()?;
    watching.restarts_with_a_migration()?;
    watching.ends_with_ctrl_c(&mut bystander)
}

/// A program in the same folder and session that the command did not start, such as a developer's editor.
struct Bystander(Child);

impl Bystander {
    const NAME: &'static str = "sleep";

    fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(Self::NAME);
        let child = command.arg("3600").current_dir(folder).spawn();
        child.map(Self).context("start a bystander")
    }

    fn runs(&mut self) -> anyhow::Result<bool> {
        let ended = self.0.try_wait().context("look after the bystander")?;
        Ok(ended.is_none())
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The command, as it runs in its terminal.
struct Watching<'a> {
    folder: &'a Path,
    home: PathBuf,
    log: PathBuf,
    command: Managed,
    interrupt: &'a Interrupt,
}

impl<'a> Watching<'a> {
    /// Starts it; returns when the shop is ready.
    fn start(folder: &'a Path, interrupt: &'a Interrupt) -> anyhow::Result<Self> {
        let log = folder.join("terminal.log");
        fs::write(&log, "").with_context(|| format!("write {}", shown(&log)))?;
        let stopped = process::run(xtask(folder)?.arg("stop"), interrupt)?;
        ensure!(stopped.success(), "an earlier rehearsal does not end");
        let mut command = xtask(folder)?;
        let command = Managed::start("dev", command.args(["dev", "--reset"]), &log, folder)?;
        let mut watching = Self {
            folder,
            home: folder.join(".dev"),
            log,
            command,
            interrupt,
        };
        let ready = wait_until(interrupt, START_LIMIT, || {
            watching.is_well()?;
            Ok(State::file(&watching.home).exists())
        })?;
        ensure!(
            ready,
            "the shop did not get ready: see {}",
            shown(&watching.log)
        );
        Ok(watching)
    }

    fn restarts_with_a_source(&mut self) -> anyhow::Result<()> {
        let source = self.folder.join(SOURCE);
        let sandbox = Path::new("sandbox");
        let before = recorded_programs(&self.home)?;
        self.restarts_after("a source", |_| true, || touch(&source))?;
        ensure!(
            recorded_programs(&self.home)?.get(sandbox) == before.get(sandbox),
            "the sandbox was restarted although nothing of it had changed"
        );
        Ok(())
    }

    fn restarts_with_a_template(&mut self) -> anyhow::Result<()> {
        let template = self.folder.join(TEMPLATE);
        let sign = r#"<meta name="rehearsal">"#;
        let signed = format!("{sign}</head>");
        self.restarts_after(
            "a template",
            |page| page.contains(sign),
            || edit(&template, |html| html.replace("</head>", &signed)),
        )
    }

    fn restarts_with_an_asset(&mut self) -> anyhow::Result<()> {
        let asset = self.folder.join(ASSET);
        let before = style_sheet(&self.home_page()?).context("no style sheet is named")?;
        self.restarts_after(
            "an asset",
            |page| style_sheet(page).is_some_and(|now| now != before),
            || edit(&asset, |css| css.to_owned() + "\n/* rehearsal */\n"),
        )
    }

    fn restarts_with_a_migration(&mut self) -> anyhow::Result<()> {
        let up = self
            .folder
            .join(MIGRATION)
            .with_file_name("9999_rehearsal.up.sql");
        let down = up.with_file_name("9999_rehearsal.down.sql");
        self.restarts_after(
            "a migration",
            |_| true,
            || {
                fs::write(&down, "DROP TABLE orders.rehearsal;")
                    .and_then(|()| fs::write(&up, "CREATE TABLE orders.rehearsal ();"))
                    .context("write a migration")
            },
        )?;
        let applied = self.ask_database("SELECT to_regclass('orders.rehearsal') IS NOT NULL")?;
        ensure!(applied == "t", "the new migration was not applied");
        Ok(())
    }

    /// Makes a change, and waits until server and worker are new processes and the home page shows what `shows` looks for.
    fn restarts_after(
        &mut self,
        what: &str,
        shows: impl Fn(&str) -> bool,
        change: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("  … changing {what}");
        let before = recorded_programs(&self.home)?;
        change()?;
        let restarted = wait_until(self.interrupt, START_LIMIT, || {
            self.is_well()?;
            let now = recorded_programs(&self.home)?;
            let are_new = ["server", "worker"].iter().all(|name| {
                let name = Path::new(name);
                now.contains_key(name) && now.get(name) != before.get(name)
            });
            Ok(are_new && self.home_page().is_ok_and(|page| shows(&page)))
        })
        .with_context(|| format!("after {what} had changed"))?;
        ensure!(
            restarted,
            "the shop did not restart after {what} had changed"
        );
        Ok(())
    }

    /// Says what went wrong at once, and not when a wait is over.
    fn is_well(&mut self) -> anyhow::Result<()> {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        // The programs' own lines stand behind their names.
        let wrong = said
            .lines()
            .filter(|line| !line.contains(" | "))
            .find(|line| {
                ["error: ", "The build failed", "No program changed"]
                    .iter()
                    .any(|start| line.starts_with(start))
            });
        if let Some(wrong) = wrong {
            bail!("`cargo xtask dev` said: {wrong} (see {})", shown(&self.log));
        }
        ensure!(
            self.command.ended()?.is_none(),
            "`cargo xtask dev` ended by itself: see {}",
            shown(&self.log)
        );
        Ok(())
    }

    fn home_page(&self) -> anyhow::Result<String> {
        let port = State::read(&self.home)?.port("base_url")?;
        page(port, "/").context("the home page does not answer")
    }

    fn services(&self) -> Services {
        Services::at(self.home.clone(), Purpose::Dev, false)
    }

    fn ask_database(&self, query: &str) -> anyhow::Result<String> {
        let services = self.services();
        let addresses = services.running()?.context("the services are gone")?;
        let output = services
            .psql(addresses, DATABASE)?
            .args(["-Atc", query])
            .output();
        let output = output.context("run psql")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn ends_with_ctrl_c(mut self, bystander: &mut Bystander) -> anyhow::Result<()> {
        let folders = [self.folder.to_owned(), self.services().cluster_folder()];
        if let Some(running) = programs_in(&folders) {
            for name in ["server", "sandbox", "postgres", "redis", Bystander::NAME] {
                let found = running
                    .iter()
                    .any(|it| it.replace("valkey", "redis").starts_with(name));
                ensure!(found, "{name} is not among {running:?}");
            }
        }
        let state = State::read(&self.home)?;
        println!("  … pressing Ctrl-C");
        self.command.press_ctrl_c()?;
        let ended = wait_until(self.interrupt, END_LIMIT, || {
            Ok(self.command.ended()?.is_some())
        })?;
        ensure!(ended, "Ctrl-C did not end `cargo xtask dev`");
        state.is_over(&self.home)?;
        ensure!(
            bystander.runs()?,
            "Ctrl-C ended a program that the command had not started"
        );
        let mut left = Vec::new();
        // The system may still be taking the last one down.
        let alone = wait_until(self.interrupt, END_LIMIT, || {
            left = programs_in(&folders).unwrap_or_else(|| vec![Bystander::NAME.to_owned()]);
            Ok(left == [Bystander::NAME])
        })?;
        ensure!(alone, "after Ctrl-C these still run: {left:?}");
        Ok(())
    }
}

impl Drop for Watching<'_> {
    /// Whatever went wrong, nothing is left running.
    fn drop(&mut self) {
        xtask(self.folder)
            .and_then(|mut stop| {
                let stop = stop.arg("stop").stdout(Stdio::null());
                stop.status().context("run `cargo xtask stop`")
            })
            .ok();
    }
}

/// The style sheet's address, which carries its content's hash.
fn style_sheet(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("/assets/app.")?;
    rest.split_once(".css").map(|(hash, _)| hash.to_owned())
}

/// The names of the programs that stand in these folders, by which all that a command started there is found, whoever its
/// parent is by now. `None` where the system does not tell.
fn programs_in(folders: &[PathBuf]) -> Option<Vec<String>> {
    let folders: Vec<_> = folders
        .iter()
        .filter_map(|folder| folder.canonicalize().ok())
        .collect();
    let processes = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let inside = processes.filter(|process| {
        let stands_in = fs::read_link(process.join("cwd"));
        stands_in.is_ok_and(|place| folders.iter().any(|folder| place.starts_with(folder)))
    });
    let mut names: Vec<_> = inside
        .filter_map(|process| fs::read_to_string(process.join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect();
    names.sort();
    Some(names)
}
