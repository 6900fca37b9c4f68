//! What runs the workflow: a machine for each job, of which those that release reach a host by SSH.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::registry::{Registry, TOKEN, USER};
use crate::drills::compose::Host;
use crate::drills::engine::{self, git, root};
use crate::workflows::{Job, Step, Workflow, expand};
use crate::{eventually, free_port};

pub(super) struct Runner {
    folder: TempDir,
    registry: String,
    version: &'static str,
    revision: String,
    port: u16,
    /// What expressions in the workflow stand for.
    values: BTreeMap<String, String>,
    /// Its mounts are those of the host that is released to.
    ssh_daemon: Child,
}

impl Runner {
    /// Checks the workflow's commit out, and prepares the host as `deploy/README.md` says.
    pub(super) async fn start(host: &Host, registry: &Registry, version: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        for key in ["key", "host-key", "another-key"] {
            succeed(
                Command::new("ssh-keygen")
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(path.join(key)),
            )
            .await;
        }
        fs::create_dir(path.join("home")).expect("a folder");
        fs::copy(host.settings_of_release(), path.join("deploy.env")).expect("settings");
        succeed(
            Command::new("git")
                .args(["clone", "--quiet"])
                .args([root(), &path.join("checkout")]),
        )
        .await;
        let port = free_port();
        let script = root().join("tests/src/drills/workflow/host.sh");
        let ssh_daemon = Command::new("unshare")
            .args(["--mount", "bash"])
            .args([&script, path])
            .arg(port.to_string())
            .arg(root())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("unshare");
        let mut runner = Self {
            folder,
            registry: registry.address().to_owned(),
            version,
            revision: git(&["rev-parse", "HEAD"]).await,
            port,
            values: BTreeMap::new(),
            ssh_daemon,
        };
        eventually("a host that listens for SSH", async || {
            let ended = runner.ssh_daemon.try_wait().expect("a process to look at");
            assert!(
                ended.is_none(),
                "on Debian, `apt-get install openssh-server sudo`: {ended:?}"
            );
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let key = fs::read_to_string(runner.path("key")).expect("a key");
        for (name, value) in [
            ("github.repository", "Somebody/Shop"),
            ("github.token", TOKEN),
            ("vars.DEPLOY_HOST", "127.0.0.1"),
            ("secrets.DEPLOY_KEY", key.trim_end()),
        ] {
            runner.values.insert(name.to_owned(), value.to_owned());
        }
        runner.tell_of_the_host();
        let log_in = ["docker", "login", registry.address(), "--username", USER];
        let mut on_the_host = runner.on_the_host();
        let log_in = on_the_host.args(log_in).args(["--password", TOKEN]);
        succeed(log_in).await;
        runner
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn tell_of_the_host(&mut self) {
        self.tell_of_host_key("host-key");
    }

    /// Whoever answers at the host's address is not who was named.
    pub(super) fn tell_of_another_host(&mut self) {
        self.tell_of_host_key("another-key");
    }

    fn tell_of_host_key(&mut self, key: &str) {
        let key = fs::read_to_string(self.path(key).with_extension("pub")).expect("a key");
        let line = format!("[127.0.0.1]:{} {}", self.port, key.trim_end());
        self.values.insert("vars.DEPLOY_HOST_KEY".to_owned(), line);
    }

    /// Something that runs where the host's users and folders are.
    fn on_the_host(&self) -> Command {
        let id = self.ssh_daemon.id().expect("a host that is there");
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &id.to_string(), "--wd=/", "--"]);
        command
    }

    /// Runs the commands of a job, up to the first that fails; gives what that one has said.
    pub(super) async fn run(&mut self, workflow: &Workflow, name: &str) -> Result<(), String> {
        let job = &workflow.jobs[name];
        for step in &job.steps {
            let Some(commands) = &step.run else {
                // Somebody's action.
                continue;
            };
            // Another drill.
            if !commands.starts_with("cargo xtask") {
                self.step(workflow, job, step, commands).await?;
            }
        }
        for (output, value) in &job.outputs {
            let value = self.expand(value);
            let name = format!("needs.{name}.outputs.{output}");
            self.values.insert(name, value);
        }
        if job.environment.is_none() {
            self.throw_the_machine_away().await;
        }
        Ok(())
    }

    async fn step(
        &mut self,
        workflow: &Workflow,
        job: &Job,
        step: &Step,
        commands: &str,
    ) -> Result<(), String> {
        let (script, outputs) = (self.path("step.sh"), self.path("outputs"));
        fs::write(&script, commands).expect("a script");
        fs::write(&outputs, "").expect("a file");
        let mut bash = if job.environment.is_some() {
            let mut bash = self.on_the_host();
            bash.arg("bash");
            bash
        } else {
            let mut bash = Command::new("bash");
            bash.current_dir(self.path("checkout"))
                .env("HOME", self.path("home"))
                .env("DOCKER_BUILDKIT", "1");
            bash
        };
        for (name, value) in &workflow.env {
            let value = self.expand(value).replace("ghcr.io", &self.registry);
            bash.env(name, value);
        }
        for (name, value) in &step.env {
            bash.env(name, self.expand(value));
        }
        let output = bash
            .arg("-e")
            .arg(&script)
            .env("GITHUB_ACTOR", USER)
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_REF_NAME", self.version)
            .env("GITHUB_REPOSITORY", self.expand("${{ github.repository }}"))
            .env("GITHUB_SERVER_URL", "https://code.example")
            .env("GITHUB_SHA", &self.revision)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("bash");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let put_out = fs::read_to_string(&outputs).expect("a file");
        for (name, value) in put_out.lines().filter_map(|line| line.split_once('=')) {
            let step = step.id.as_deref().expect("a step that can be named");
            let name = format!("steps.{step}.outputs.{name}");
            self.values.insert(name, value.to_owned());
        }
        Ok(())
    }

    fn expand(&self, text: &str) -> String {
        expand(text, |expression| {
            let value = self.values.get(expression).cloned();
            value.unwrap_or_else(|| panic!("nothing is known of {expression}"))
        })
    }

    /// What was pushed, by its digest.
    fn image(&self) -> &str {
        &self.values["needs.image.outputs.image"]
    }

    /// Whoever wants the image now gets it from the registry.
    async fn throw_the_machine_away(&self) {
        let tag = &self.values["steps.build.outputs.tag"];
        engine::run(["rmi", "--force", tag, self.image()]).await;
        let there = engine::docker(["image", "inspect", self.image()]).await;
        there.expect_err("an image that is gone");
    }

    pub(super) fn sees_a_bill_of_materials(&self) {
        let bill = fs::read(self.path("checkout/sbom.json")).expect("a bill of materials");
        let bill: serde_json::Value = serde_json::from_slice(&bill).expect("JSON");
        assert_eq!(bill["bomFormat"], "CycloneDX");
    }

    /// The image that serves is the one with this digest, and of this commit.
    pub(super) async fn serves_what_was_pushed(&self, host: &Host) {
        let id = host.image_of(self.version);
        let format =
            r#"{{json .RepoDigests}} {{index .Config.Labels "org.opencontainers.image.revision"}}"#;
        let seen = engine::run(["image", "inspect", "--format", format, &id]).await;
        assert!(
            seen.contains(self.image()) && seen.ends_with(&self.revision),
            "{seen} instead of {} of {}",
            self.image(),
            self.revision
        );
    }
}

impl Drop for Runner {
    /// Whatever fails here, what the drill has seen matters more.
    fn drop(&mut self) {
        if let Some(image) = self.values.get("needs.image.outputs.image") {
            let mut remove = std::process::Command::new("docker");
            let _ = remove.args(["rmi", "--force", image]).output();
        }
    }
}

async fn succeed(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
}
