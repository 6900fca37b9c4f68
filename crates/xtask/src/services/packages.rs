//! Programs that this machine must have, and how they get there.

use std::{
    io::{self, IsTerminal},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, anyhow, bail, ensure};
use nix::unistd::geteuid;

use super::postgres;

/// A program, or a file, that something here needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Postgres,
    Redis,
    Chromium,
    Chromedriver,
    /// A font for Chromium, which shows empty boxes for letters without one.
    Font,
    /// `pdftotext`, with which the journey reads the invoice.
    Poppler,
    /// `npm`, which fetches axe-core.
    Npm,
    /// What stands in front of both colours of a release.
    Caddy,
    /// `curl`, with which `deploy/release` looks at what it has started.
    Curl,
    /// What backs the database up.
    Pgbackrest,
    Shellcheck,
    /// Either generation of Docker's tool, with or without an engine.
    Compose,
    /// `promtool`, which tries the rules of the alarms.
    Promtool,
}

/// What services need.
pub(crate) const SERVICES: &[Tool] = &[Tool::Postgres, Tool::Redis];

/// What the browser journey needs beside them.
pub(crate) const BROWSER: &[Tool] = &[
    Tool::Chromium,
    Tool::Chromedriver,
    Tool::Font,
    Tool::Poppler,
    Tool::Npm,
];

/// What drills need beside services.
pub(crate) const DRILLS: &[Tool] = &[
    Tool::Caddy,
    Tool::Curl,
    Tool::Pgbackrest,
    // It speaks HTTP/3.
    Tool::Chromium,
];

/// What the tests need beside the services.
pub(crate) const UNIT: &[Tool] = &[Tool::Promtool];

impl Tool {
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Postgres => postgres::Installation::newest().is_some(),
            Self::Redis => super::redis::program().is_some(),
            Self::Chromium => chromium().is_some(),
            Self::Chromedriver => runs("chromedriver", "--version"),
            // macOS brings fonts.
            Self::Font => {
                cfg!(target_os = "macos") || Path::new("/usr/share/fonts/truetype/dejavu").exists()
            }
            Self::Poppler => runs("pdftotext", "-v"),
            Self::Npm => runs("npm", "--version"),
            Self::Caddy => runs("caddy", "version"),
            Self::Curl => runs("curl", "--version"),
            Self::Pgbackrest => runs("pgbackrest", "version"),
            Self::Shellcheck => runs("shellcheck", "--version"),
            Self::Compose => {
                runs_with("docker", &["compose", "version"]) || runs("docker-compose", "--version")
            }
            Self::Promtool => runs("promtool", "--version"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL (15 or newer)",
            Self::Redis => "Redis or Valkey",
            Self::Chromium => "Chromium",
            Self::Chromedriver => "chromedriver",
            Self::Font => "the DejaVu fonts",
            Self::Poppler => "pdftotext",
            Self::Npm => "npm",
            Self::Caddy => "Caddy",
            Self::Curl => "curl",
            Self::Pgbackrest => "pgBackRest",
            Self::Shellcheck => "shellcheck",
            Self::Compose => "Docker Compose",
            Self::Promtool => "promtool",
        }
    }

    /// Debian's name first, Ubuntu's where it differs.
    fn debian_package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Redis => "redis-server|valkey-server",
            Self::Chromium => "chromium|chromium-browser",
            Self::Chromedriver => "chromium-driver|chromium-chromedriver",
            Self::Font => "fonts-dejavu-core",
            Self::Poppler => "poppler-utils",
            Self::Npm => "npm",
            Self::Caddy => "caddy",
            Self::Curl => "curl",
            Self::Pgbackrest => "pgbackrest",
            Self::Shellcheck => "shellcheck",
            Self::Compose => "docker-compose",
            Self::Promtool => "prometheus",
        }
    }

    fn brew_package(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("postgresql@17"),
            Self::Redis => Some("valkey"),
            Self::Chromium => Some("chromium"),
            Self::Chromedriver => Some("chromedriver"),
            Self::Font => None,
            Self::Poppler => Some("poppler"),
            Self::Npm => Some("node"),
            Self::Caddy => Some("caddy"),
            Self::Curl => Some("curl"),
            Self::Pgbackrest => Some("pgbackrest"),
            Self::Shellcheck => Some("shellcheck"),
            Self::Compose => Some("docker-compose"),
            Self::Promtool => Some("prometheus"),
        }
    }
}

/// The browser's program: distributions do not agree on its name.
pub(crate) fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| runs(name, "--version"))
}

/// Installs what is missing, all in one go; asks for a password where sudo does.
pub(crate) fn ensure(tools: &[Tool]) -> anyhow::Result<()> {
    let missing = missing(tools);
    if missing.is_empty() {
        return Ok(());
    }
    let names = listed(&missing);
    let mut installer = installer(&missing).map_err(|reason| {
        let way_out = way_out(&missing);
        anyhow!("{names} must be installed, but {reason}: install it by hand{way_out}")
    })?;
    println!("Installing {names} …");
    let status = installer.status().context("run the package manager")?;
    ensure!(
        status.success(),
        "the package manager could not install {names}: see its message above{}",
        way_out(&missing)
    );
    let still_missing = self::missing(&missing);
    ensure!(
        still_missing.is_empty(),
        "the package manager's {} cannot be used here: install it from elsewhere{}",
        listed(&still_missing),
        way_out(&still_missing)
    );
    Ok(())
}

fn missing(tools: &[Tool]) -> Vec<Tool> {
    tools
        .iter()
        .copied()
        .filter(|tool| !tool.is_installed())
        .collect()
}

fn listed(tools: &[Tool]) -> String {
    let names: Vec<_> = tools.iter().map(|tool| tool.name()).collect();
    names.join(", ")
}

/// Docker can stand in for the services, not for a browser.
fn way_out(missing: &[Tool]) -> &'static str {
    if missing.iter().all(|tool| SERVICES.contains(tool)) {
        ", or run it in a container with `--docker`, an option of `dev` and `services up`"
    } else {
        ""
    }
}

/// The one call that installs all these tools.
fn installer(tools: &[Tool]) -> anyhow::Result<Command> {
    if runs("apt-get", "--version") {
        let privileges = if geteuid().is_root() {
            Privileges::Root
        } else if runs("sudo", "--version") {
            Privileges::Sudo {
                may_ask: io::stdin().is_terminal(),
            }
        } else {
            bail!("neither root nor sudo is at hand");
        };
        return Ok(apt(tools, privileges));
    }
    if runs("brew", "--version") {
        let mut brew = Command::new("brew");
        brew.arg("install")
            .args(tools.iter().filter_map(|tool| tool.brew_package()));
        return Ok(brew);
    }
    bail!("neither apt-get nor brew is here");
}

#[derive(Clone, Copy)]
enum Privileges {
    Root,
    /// Without a terminal a question for the password would wait for ever.
    Sudo {
        may_ask: bool,
    },
}

fn apt(tools: &[Tool], privileges: Privileges) -> Command {
    let mut command = match privileges {
        Privileges::Root => Command::new("sh"),
        Privileges::Sudo { may_ask } => {
            let mut sudo = Command::new("sudo");
            if !may_ask {
                sudo.arg("-n");
            }
            sudo.arg("sh");
            sudo
        }
    };
    command
        .args(["-c", include_str!("install.sh"), "install"])
        .args(tools.iter().map(|tool| tool.debian_package()));
    command
}

/// Whether a program is there and works.
pub(crate) fn runs(program: &str, argument: &str) -> bool {
    runs_with(program, &[argument])
}

fn runs_with(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Command) -> Vec<String> {
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn all_missing_packages_go_into_one_call() {
        let command = apt(
            &[Tool::Postgres, Tool::Redis, Tool::Poppler],
            Privileges::Root,
        );
        assert_eq!(command.get_program(), "sh");
        let arguments = arguments(&command);
        assert_eq!(
            arguments[3..],
            ["postgresql", "redis-server|valkey-server", "poppler-utils"]
        );
    }

    #[test]
    fn sudo_asks_for_no_password_where_nobody_could_type_one() {
        let asking = apt(&[Tool::Redis], Privileges::Sudo { may_ask: true });
        let silent = apt(&[Tool::Redis], Privileges::Sudo { may_ask: false });
        assert_eq!(arguments(&asking)[0], "sh");
        assert_eq!(arguments(&silent)[..2], ["-n", "sh"]);
    }

    #[test]
    fn docker_is_offered_for_services_and_not_for_a_browser() {
        assert!(way_out(&[Tool::Redis]).contains("--docker"));
        assert!(way_out(&[Tool::Redis, Tool::Chromium]).is_empty());
    }
}
