use std::cell::RefCell;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tests::{PATIENCE, Shop, artefacts, client, eventually, free_port};
use thirtyfour::prelude::*;
use tokio::process::{Child, Command};

const PAUSE: Duration = Duration::from_millis(100);

/// No sandbox, because build servers run as root; and nothing that would call home.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
];

/// The program that steers browsers. It ends with this value.
pub(super) struct Chromedriver {
    url: String,
    _process: Child,
}

impl Chromedriver {
    pub(super) async fn start() -> Self {
        let port = free_port();
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver, of Debian's package chromium-driver");
        let url = format!("http://127.0.0.1:{port}");
        let status = format!("{url}/status");
        eventually("a chromedriver that is ready", async || {
            let response = client().get(&status).send().await.ok()?;
            response.status().is_success().then_some(())
        })
        .await;
        Self {
            url,
            _process: process,
        }
    }

    /// A browser of its own, which nobody has used before.
    pub(super) async fn open(&self, shop: &Shop) -> Window {
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        let folder = format!("--user-data-dir={}", profile.path().display());
        wanted.add_arg(&folder).unwrap();
        let driver = WebDriver::builder(&self.url, wanted).client(client());
        Window {
            driver: driver.await.unwrap(),
            shop: shop.url(""),
            doing: RefCell::default(),
            _profile: profile,
        }
    }
}

/// A browser's window. Whatever is looked for is waited for.
pub(super) struct Window {
    driver: WebDriver,
    shop: String,
    /// The last picture, to say in a failure how far it came.
    doing: RefCell<String>,
    _profile: TempDir,
}

impl Window {
    /// Opens a page of the shop.
    pub(super) async fn go(&self, path: &str) {
        self.go_to(&format!("{}{path}", self.shop)).await;
    }

    pub(super) async fn go_to(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Waits until the page shows what the selector means.
    pub(super) async fn find(&self, selector: &str) -> WebElement {
        let query = self.driver.query(By::Css(selector)).wait(PATIENCE, PAUSE);
        match query.first().await {
            Ok(found) => found,
            Err(error) => panic!("{selector} after {}: {error}", self.doing.borrow()),
        }
    }

    /// As [`Window::find`], for a picture that has been loaded too.
    pub(super) async fn find_loaded(&self, selector: &str) {
        let picture = self.find(selector).await;
        eventually("a picture that is loaded", async || {
            let width = picture.prop("naturalWidth").await.unwrap();
            width.filter(|width| width != "0")
        })
        .await;
    }

    /// Reloads the page until it shows what the selector means: pages do not change by themselves.
    pub(super) async fn reload_until(&self, selector: &str) {
        eventually(selector, async || {
            let query = self.driver.query(By::Css(selector)).nowait();
            if query.exists().await.unwrap() {
                return Some(());
            }
            self.driver.refresh().await.unwrap();
            None
        })
        .await;
    }

    pub(super) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// Types into a field of the form that is sent to `action`, in place of what it held.
    pub(super) async fn fill(&self, action: &str, field: &str, text: &str) {
        let selector = format!("form[action^='{action}'] [name='{field}']");
        let field = self.find(&selector).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(super) async fn choose_file(&self, action: &str, file: &Path) {
        let selector = format!("form[action^='{action}'] input[type='file']");
        let field = self.find(&selector).await;
        field.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    /// Presses the button of the form that is sent to `action`.
    pub(super) async fn submit(&self, action: &str) {
        self.click(&format!("form[action^='{action}'] button"))
            .await;
    }

    /// Keeps a picture of the window as `target/journey/{name}.png`.
    pub(super) async fn picture(&self, name: &str) {
        name.clone_into(&mut self.doing.borrow_mut());
        let file = artefacts().join(format!("{name}.png"));
        self.driver.screenshot(&file).await.unwrap();
    }

    pub(super) async fn close(self) {
        self.driver.quit().await.unwrap();
    }
}
