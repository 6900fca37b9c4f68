//! Server, worker and sandbox: started, looked after, replaced and ended.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, bail};

use crate::{
    checkout::shown,
    ports,
    process::{Interrupt, Managed, wait_until},
    services::last_line,
    shop::{Shop, page_status},
};

/// The order of ending: no new requests, then no new jobs, then the partners that both talk to.
const NAMES: [&str; 3] = ["server", "worker", "sandbox"];

const READY_LIMIT: Duration = Duration::from_secs(30);

/// A worker finishes its running jobs for up to 25 s, and the server its requests for less.
const GRACE: Duration = Duration::from_secs(30);

/// A program that ends by itself sooner than this would only do so again.
const STEADY: Duration = Duration::from_secs(5);

/// The programs that run, each with the age of the file that it was started from.
pub(super) struct Programs<'a> {
    shop: &'a Shop,
    home: &'a Path,
    running: Vec<(Managed, Option<SystemTime>)>,
}

/// Where it is noted which programs run.
pub(super) fn records(home: &Path) -> PathBuf {
    home.join("run")
}

impl<'a> Programs<'a> {
    pub(super) fn new(shop: &'a Shop, home: &'a Path) -> Self {
        Self {
            shop,
            home,
            running: Vec::new(),
        }
    }

    /// The programs' logs, which exist from here on and are empty.
    pub(super) fn logs(&self) -> Vec<(&'static str, PathBuf)> {
        NAMES
            .into_iter()
            .map(|name| (name, self.log(name)))
            .filter(|(_, log)| File::create(log).is_ok())
            .collect()
    }

    /// Starts all; returns when all are ready.
    pub(super) fn start_all(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        for name in NAMES {
            self.start(name)?;
        }
        NAMES
            .into_iter()
            .try_for_each(|name| self.wait_until_ready(name, interrupt))
    }

    fn start(&mut self, name: &'static str) -> anyhow::Result<()> {
        let built = self.built(name);
        let mut command = match name {
            "worker" => self.shop.server("worker"),
            "sandbox" => self.shop.sandbox(),
            _ => self.shop.server("serve"),
        };
        let program = Managed::start(name, &mut command, &self.log(name), &records(self.home))?;
        self.running.push((program, built));
        Ok(())
    }

    fn wait_until_ready(
        &mut self,
        name: &'static str,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let at = self
            .position(name)
            .context("look for a program that was started")?;
        let (shop, (program, _)) = (self.shop, &mut self.running[at]);
        let mut ended = false;
        let ready = wait_until(interrupt, READY_LIMIT, || {
            ended = program.ended()?.is_some();
            Ok(ended || is_ready(name, shop))
        })?;
        if ready && !ended {
            return Ok(());
        }
        let log = self.log(name);
        // Its own listener is gone when it has ended.
        let taken = ports_of(name, shop)
            .into_iter()
            .find(|port| ended && !ports::is_free(*port));
        match taken {
            Some(port) => bail!(
                "port {port} was taken by another program before the {name} could listen there: \
                 end that program, or start again and another port is chosen"
            ),
            None => bail!(
                "the {name} did not start{}: see {}",
                last_line(&log, "").map_or(String::new(), |line| format!(" ({line})")),
                shown(&log)
            ),
        }
    }

    /// Starts again what ended by itself, unless it did so at once.
    pub(super) fn look_after(&mut self) -> anyhow::Result<()> {
        for name in NAMES {
            let Some(at) = self.position(name) else {
                continue;
            };
            let (program, _) = &mut self.running[at];
            let Some(status) = program.ended()? else {
                continue;
            };
            let steady = program.age() >= STEADY;
            self.running.remove(at);
            if steady {
                println!("The {name} ended ({status}): starting it again.");
                self.start(name)?;
            } else {
                println!(
                    "The {name} ended ({status}) just after its start: see {}. The next build starts it again.",
                    shown(&self.log(name))
                );
            }
        }
        Ok(())
    }

    /// The programs that do not run what was built last.
    pub(super) fn outdated(&self) -> Vec<&'static str> {
        NAMES
            .into_iter()
            .filter(|name| match self.position(name) {
                Some(at) => self.running[at].1 != self.built(name),
                None => true,
            })
            .collect()
    }

    /// Ends these programs, all at the same time, and starts them from what was built last.
    pub(super) fn replace(
        &mut self,
        names: &[&'static str],
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        for (program, _) in &mut self.running {
            if names.contains(&program.name()) {
                program.ask_to_end()?;
            }
        }
        for name in names {
            self.end(name, interrupt)?;
            self.start(name)?;
        }
        names
            .iter()
            .try_for_each(|name| self.wait_until_ready(name, interrupt))
    }

    /// Ends all, one after the other.
    pub(super) fn end_all(&mut self, interrupt: &Interrupt) -> anyhow::Result<()> {
        NAMES
            .into_iter()
            .try_for_each(|name| self.end(name, interrupt))
    }

    fn end(&mut self, name: &str, interrupt: &Interrupt) -> anyhow::Result<()> {
        match self.position(name) {
            Some(at) => self.running.remove(at).0.end(GRACE, interrupt),
            None => Ok(()),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.running
            .iter()
            .position(|(program, _)| program.name() == name)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.home.join("logs").join(format!("{name}.log"))
    }

    /// The age of a program's file. Server and worker are the same one.
    fn built(&self, name: &str) -> Option<SystemTime> {
        let file = match name {
            "sandbox" => "sandbox",
            _ => "server",
        };
        fs::metadata(self.shop.binary(file))
            .and_then(|found| found.modified())
            .ok()
    }
}

fn is_ready(name: &str, shop: &Shop) -> bool {
    match name {
        "worker" => page_status(shop.worker_metrics, "/metrics").is_some(),
        "sandbox" => page_status(shop.sandbox, "/").is_some() && listens(shop.mail),
        _ => page_status(shop.web, "/readyz") == Some(200),
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn ports_of(name: &str, shop: &Shop) -> Vec<u16> {
    match name {
        "worker" => vec![shop.worker_metrics],
        "sandbox" => vec![shop.sandbox, shop.mail],
        _ => vec![shop.web, shop.metrics],
    }
}
