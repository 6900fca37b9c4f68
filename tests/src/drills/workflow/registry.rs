//! A registry of images on loopback, to which nobody pushes without a password.

use std::fs;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{client, eventually, free_port};

pub(super) const USER: &str = "Somebody";
pub(super) const TOKEN: &str = "a-token-of-nobody";

/// bcrypt of the token, as registries want it.
const PASSWORDS: &str = "Somebody:$2b$05$abcdefghijklmnopqrstuu6ZpSvbUDuZBolLcroJ/EpoN0voBkfIy\n";

/// Debian's `docker-registry`.
pub(super) struct Registry {
    address: String,
    _folder: TempDir,
    _process: Child,
}

impl Registry {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.0.0.1:{}", free_port());
        let (passwords, settings) = (
            folder.path().join("passwords"),
            folder.path().join("registry.yml"),
        );
        fs::write(&passwords, PASSWORDS).expect("a file");
        // JSON is YAML.
        let content = json!({
            "version": 0.1,
            "storage": { "filesystem": { "rootdirectory": folder.path().join("images") } },
            "http": { "addr": address },
            "auth": { "htpasswd": { "realm": "images", "path": passwords } },
        });
        fs::write(&settings, content.to_string()).expect("a file");
        let process = Command::new("docker-registry")
            .args(["serve".as_ref(), settings.as_os_str()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a registry: on Debian, `apt-get install docker-registry`");
        let url = format!("http://{address}/v2/");
        eventually("a registry", async || client().get(&url).send().await.ok()).await;
        Self {
            address,
            _folder: folder,
            _process: process,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}
