//! A Debian 12 whose first process is systemd, in a network of its own: processes, files and ports of whoever runs the drill
//! are out of its reach.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{PATIENCE, binaries, eventually};

/// How long a script may take. Packages come through the network.
const LIMIT: Duration = Duration::from_mins(15);

const TOOLS: [&str; 5] = [
    "debootstrap",
    "systemd-nspawn",
    "slirp4netns",
    "ip",
    "nsenter",
];

/// Fails with what to do where no such machine can be made.
pub(super) fn require() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "a machine is made by root: run this drill with sudo"
    );
    let hidden = ["/home", "/root"]
        .into_iter()
        .any(|folder| assets().starts_with(folder));
    assert!(
        !hidden,
        "the units hide /home and /root, and with them the assets of this checkout: clone it elsewhere"
    );
    let missing = TOOLS.into_iter().find(|tool| {
        let mut shown = std::process::Command::new(tool);
        shown
            .arg("--help")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_err()
    });
    assert_eq!(
        missing, None,
        "is not installed. On Debian: `apt-get install debootstrap systemd-container slirp4netns iproute2 util-linux`"
    );
}

pub(super) struct Machine {
    init: Child,
    network: Network,
    folder: TempDir,
}

/// A network that reaches the world, for packages, and nothing of this machine's own.
struct Network {
    name: String,
    _slirp: Child,
}

impl Machine {
    /// An empty one, with a user who may `sudo`, this checkout to be cloned from and a binary to be released.
    pub(super) async fn boot() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("root");
        done("cp", &["--archive", &shown(&base().await), &shown(&root)]).await;
        bring(&root).await;
        let network = Network::open().await;
        let init = start(&root, &network.name);
        let machine = Self {
            init,
            network,
            folder,
        };
        machine.is_up().await;
        machine
    }

    async fn is_up(&self) {
        eventually("a machine that is up", async || {
            let state = self
                .enter("root", "systemctl is-active multi-user.target")
                .await;
            state.status.success().then_some(())
        })
        .await;
    }

    /// Restarts it, as whoever has installed a new kernel does.
    pub(super) async fn restart(&mut self) {
        // It may end before it has answered.
        drop(self.enter("deploy", "sudo systemctl reboot").await);
        let ended = timeout(PATIENCE, self.init.wait()).await;
        ended.expect("a machine that ends").expect("a process");
        self.init = start(&self.root(), &self.network.name);
        self.is_up().await;
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A file of the machine's, by its path from the root.
    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).expect("a file of the machine's")
    }

    pub(super) fn put(&self, path: &str, content: &str, mode: u32) {
        put(&self.root().join(path), content, mode);
    }

    /// What a script prints that succeeds, run line by line by the user who may `sudo`.
    pub(super) async fn run(&self, script: &str) -> String {
        let done = self.try_run(script).await;
        done.unwrap_or_else(|told| panic!("on the machine: {told}"))
    }

    /// The same; the error is what it said last.
    pub(super) async fn try_run(&self, script: &str) -> Result<String, String> {
        self.put("srv/script", script, 0o755);
        let running = self.enter("deploy", "bash -xeo pipefail /srv/script");
        let output = timeout(LIMIT, running).await.expect("a script in time");
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let mut last: Vec<_> = said.lines().rev().take(30).collect();
        last.reverse();
        Err(last.join("\n"))
    }

    async fn enter(&self, user: &str, command: &str) -> Output {
        let nspawn = self.init.id().expect("a machine that runs");
        let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children"));
        let children = children.expect("a process");
        let first = children.split(' ').next().unwrap_or_default();
        Command::new("nsenter")
            .args([
                "--target", first, "--mount", "--uts", "--ipc", "--net", "--pid", "--",
            ])
            .args([
                "env",
                "--ignore-environment",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            ])
            .args(["runuser", "--login", user, "--command", command])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .expect("nsenter was there a moment ago")
    }

    /// Runs something outside of the machine and within its network, on a thread of its own.
    pub(super) fn beside<T: Send + 'static>(
        &self,
        what: impl AsyncFnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let network = self.network.path();
        std::thread::spawn(move || {
            let network = File::open(network).expect("a network");
            setns(network, CloneFlags::CLONE_NEWNET).expect("a network to go to");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(what())
        })
    }
}

impl Network {
    async fn open() -> Self {
        let name = format!("drill-host-{}", std::process::id());
        done("ip", &["netns", "add", &name]).await;
        done("ip", &["-netns", &name, "link", "set", "lo", "up"]).await;
        let slirp = Command::new("slirp4netns")
            .args([
                "--configure",
                "--mtu=65520",
                "--disable-host-loopback",
                "--netns-type=path",
            ])
            .args([&format!("/run/netns/{name}"), "tap0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("slirp4netns was there a moment ago");
        Self {
            name,
            _slirp: slirp,
        }
    }

    fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let mut remove = std::process::Command::new("ip");
        // Whatever happens now, what the drill has seen matters more.
        drop(remove.args(["netns", "delete", &self.name]).output());
    }
}

/// Neither a unit nor a registered machine: it works where no systemd runs outside as well, as in a container.
fn start(root: &Path, network: &str) -> Child {
    Command::new("systemd-nspawn")
        .args([
            "--boot",
            "--register=no",
            "--keep-unit",
            "--resolv-conf=off",
            "--hostname=shop",
        ])
        .args(["--console=read-only", "--quiet"])
        .arg(format!("--directory={}", root.display()))
        .arg(format!("--network-namespace-path=/run/netns/{network}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("systemd-nspawn was there a moment ago")
}

/// The empty Debian that machines are copied from; made once.
async fn base() -> PathBuf {
    let base = binaries().join("../tools/debian-12");
    if !base.exists() {
        let partial = base.with_extension("partial");
        drop(fs::remove_dir_all(&partial));
        let include = "--include=systemd-sysv,dbus,sudo";
        done(
            "debootstrap",
            &["--variant=minbase", include, "bookworm", &shown(&partial)],
        )
        .await;
        let user = ["useradd", "--create-home", "--shell", "/bin/bash", "deploy"];
        done("chroot", &[&[&*shown(&partial)], &user[..]].concat()).await;
        fs::rename(partial, &base).expect("a folder of ours");
    }
    base
}

/// What a host has beside Debian, and what is to be released on it.
async fn bring(root: &Path) {
    put(
        &root.join("etc/resolv.conf"),
        "nameserver 10.0.2.3\n",
        0o644,
    );
    put(&root.join("etc/hostname"), "shop\n", 0o644);
    put(&root.join("etc/hosts"), "127.0.0.1 localhost shop\n", 0o644);
    let sudoers = "deploy ALL=(ALL) NOPASSWD: ALL\n";
    put(&root.join("etc/sudoers.d/deploy"), sudoers, 0o440);
    let checkout = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let clone = shown(&root.join("srv/checkout.git"));
    done("git", &["clone", "--quiet", "--bare", checkout, &clone]).await;
    let server = binaries().join("server");
    fs::copy(server, root.join("srv/server")).expect("a binary to release");
    // Which is not optimised, and therefore reads its assets where it was built.
    let place = root.join(assets().strip_prefix("/").expect("a path from the root"));
    fs::create_dir_all(&place).expect("a folder of the machine's");
    done(
        "cp",
        &[
            "--archive",
            "--no-target-directory",
            &shown(&assets()),
            &shown(&place),
        ],
    )
    .await;
}

fn put(path: &Path, content: &str, mode: u32) {
    fs::write(path, content).expect("a file of the machine's");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a file of ours");
}

fn assets() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/assets");
    folder.canonicalize().expect("a folder of the checkout")
}

async fn done(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().await;
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
