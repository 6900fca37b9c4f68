//! A private Redis, or its fork Valkey, made from the machine's own packages.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{last_line, packages};
use crate::{
    checkout::shown,
    process::{Interrupt, wait_until},
};

const LIMIT: Duration = Duration::from_secs(10);

/// The server's program.
pub(crate) fn program() -> Option<&'static str> {
    ["redis-server", "valkey-server"]
        .into_iter()
        .find(|name| packages::runs(name, "--version"))
}

/// An instance that keeps everything in memory: Redis holds only what may be lost.
pub(crate) struct Instance {
    folder: PathBuf,
    log: PathBuf,
}

impl Instance {
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            folder: home.join("redis"),
            log: home.join("logs/redis.log"),
        }
    }

    /// Whether this very instance listens there: another Redis would name another folder.
    pub(crate) fn answers(&self, port: u16) -> bool {
        let Ok(folder) = self.folder.canonicalize() else {
            return false;
        };
        ask(port, "CONFIG GET dir", 5)
            .is_ok_and(|lines| lines.last().is_some_and(|dir| Path::new(dir) == folder))
    }

    /// Starts it; returns when it answers. It goes on running after this process.
    pub(crate) fn start(&self, port: u16, interrupt: &Interrupt) -> anyhow::Result<()> {
        let program = program().context("Redis or Valkey is not installed")?;
        fs::create_dir_all(&self.folder).context("create the folder of Redis")?;
        let log = File::options().append(true).create(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", shown(&self.log)))?;
        let mut server = Command::new(program)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share a log file")?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {program}"))?;
        let ready = wait_until(interrupt, LIMIT, || {
            let ended = server.try_wait().context("look after Redis")?.is_some();
            Ok(ended || self.answers(port))
        });
        if matches!(ready, Ok(true)) && self.answers(port) {
            return Ok(());
        }
        // Still there when it did not answer in time or Ctrl-C came, gone otherwise.
        server.kill().ok();
        server.wait().context("wait for Redis")?;
        ready?;
        bail!(
            "Redis did not start on port {port}{}: see {}",
            last_line(&self.log, "").map_or(String::new(), |line| format!(" ({line})")),
            shown(&self.log)
        );
    }

    /// Ends it; returns when nothing listens any more.
    pub(crate) fn stop(&self, port: u16) -> anyhow::Result<()> {
        // The reply to success is a closed connection.
        ask(port, "SHUTDOWN NOSAVE", 1).ok();
        let end = Instant::now() + LIMIT;
        while self.answers(port) {
            if Instant::now() >= end {
                bail!(
                    "Redis on port {port} does not stop: see {}",
                    shown(&self.log)
                );
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

/// Sends one command and reads so many lines of the reply, in the protocol's plain text form.
fn ask(port: u16, command: &str, lines: usize) -> anyhow::Result<Vec<String>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let reply = BufReader::new(stream).lines().take(lines);
    reply.collect::<Result<_, _>>().context("read from Redis")
}

/// Whether any Redis answers there.
pub(crate) fn pings(port: u16) -> bool {
    ask(port, "PING", 1).is_ok_and(|reply| reply == ["+PONG"])
}
