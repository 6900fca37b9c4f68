//! A whole shop for tests: the real programs as processes, with a database and files of their own, and the sandbox for
//! the outside world.
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a test fails, and whatever fails here fails the test"
)]

pub mod browser;
pub mod compat;
pub mod customer;
pub mod drills;
pub mod gates;
mod inbox;
mod partners;
mod release;
mod shop;
pub mod signals;
pub mod workflows;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

pub use self::inbox::{Attachment, Mail};
pub use self::partners::{Manner, Partner};
pub use self::release::{Release, migrate};
pub use self::shop::{Setup, Shop, fill};

/// Longer than anything takes on a busy build server; nobody waits for it unless something is broken.
pub const PATIENCE: Duration = Duration::from_mins(1);

const PAUSE: Duration = Duration::from_millis(100);

/// Where this build puts programs: a test's own is in the folder `deps` there.
fn binaries() -> PathBuf {
    let program = std::env::current_exe().expect("this is a program");
    let folders = program.ancestors().skip(1);
    let mut folders = folders.filter(|folder| !folder.ends_with("deps"));
    folders.next().expect("target/<profile>").to_owned()
}

/// axe-core's source, which `cargo xtask test journey` fetches.
#[must_use]
pub fn axe() -> String {
    let file = binaries().with_file_name("axe/node_modules/axe-core/axe.min.js");
    fs::read_to_string(file).expect("axe-core, which `cargo xtask test journey` fetches")
}

/// Where to leave what people may want to look at after a run: `target/journey`.
#[must_use]
pub fn artefacts() -> PathBuf {
    let folder = binaries().with_file_name("journey");
    fs::create_dir_all(&folder).expect("a folder in target");
    folder
}

/// A port of the loopback interface that nobody listened on a moment ago.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Looks again and again until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            sleep(PAUSE).await;
        }
    };
    let found = timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("{what}: waited for {PATIENCE:?} in vain"))
}

/// The text of a PDF, as `pdftotext` reads it.
pub async fn pdf_text(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("document.pdf");
    fs::write(&file, pdf).expect("a file that can be written");
    let reading = Command::new("pdftotext").arg(&file).arg("-").output().await;
    let read = reading.expect("pdftotext, of Debian's package poppler-utils");
    assert!(read.status.success(), "pdftotext cannot open the document");
    String::from_utf8(read.stdout).expect("pdftotext writes UTF-8")
}

/// A client that goes straight to where it is told.
#[must_use]
pub fn client() -> Client {
    client_builder().build().expect("a client")
}

/// What such a client is made from.
#[expect(clippy::disallowed_methods, reason = "a test plays the outside world")]
fn client_builder() -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(PATIENCE)
}

fn parse(url: &str) -> url::Url {
    url.parse().expect("an address")
}
