use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{PATIENCE, Shop, artefacts, client, eventually, free_port};
use thirtyfour::ChromeCapabilities;
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

/// Chromium's setting that forbids pages to run scripts: 1 allows, 2 blocks.
const NO_SCRIPTS: &str = "profile.managed_default_content_settings.javascript";

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

    /// A browser of its own, which nobody has used before. Its pictures are called after `name`.
    pub(super) async fn open(&self, shop: &Shop, name: &str) -> Window {
        self.start_browser(shop, name, DesiredCapabilities::chrome())
            .await
    }

    /// As [`Chromedriver::open`], of somebody who forbids pages to run scripts.
    pub(super) async fn open_without_scripts(&self, shop: &Shop, name: &str) -> Window {
        let mut wanted = DesiredCapabilities::chrome();
        let settings = json!({ NO_SCRIPTS: 2 });
        wanted.add_experimental_option("prefs", settings).unwrap();
        self.start_browser(shop, name, wanted).await
    }

    async fn start_browser(
        &self,
        shop: &Shop,
        name: &str,
        mut wanted: ChromeCapabilities,
    ) -> Window {
        let profile = tempfile::tempdir().unwrap();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        let folder = format!("--user-data-dir={}", profile.path().display());
        wanted.add_arg(&folder).unwrap();
        let driver = WebDriver::builder(&self.url, wanted).client(client());
        let driver = driver.await.unwrap();
        driver.set_script_timeout(PATIENCE).await.unwrap();
        Window {
            driver,
            shop: shop.url(""),
            name: name.to_owned(),
            doing: RefCell::default(),
            _profile: profile,
        }
    }
}

/// A browser's window. Whatever is looked for is waited for.
pub(super) struct Window {
    driver: WebDriver,
    shop: String,
    name: String,
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

    /// As [`Window::submit`], past what the browser itself would not send.
    pub(super) async fn submit_unchecked(&self, action: &str) {
        let unchecked = "for (const form of document.forms) form.noValidate = true";
        self.run::<()>(unchecked, &[]).await;
        self.submit(action).await;
    }

    /// Presses a key, wherever the focus is.
    pub(super) async fn press(&self, key: Key) {
        let keys = self.driver.action_chain().send_keys(key);
        keys.perform().await.unwrap();
    }

    /// Runs a script of the test's own, and gives what it returns or what its promise resolves to.
    pub(super) async fn run<T: DeserializeOwned>(&self, script: &str, arguments: &[Value]) -> T {
        let ran = self.driver.execute(script, arguments).await.unwrap();
        ran.convert().unwrap()
    }

    /// Sets what pages are told about the device: which colours its owner prefers, and how wide it is.
    pub(super) async fn pretend(&self, colours: &str, width: u32) {
        let devtools = self.driver.cdp();
        let preferences = json!({ "features": [
            { "name": "prefers-color-scheme", "value": colours },
            // Colours that change slowly would be looked at half-way.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        let set = devtools.send_raw("Emulation.setEmulatedMedia", preferences);
        set.await.unwrap();
        let device = json!({
            "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600,
        });
        let set = devtools.send_raw("Emulation.setDeviceMetricsOverride", device);
        set.await.unwrap();
    }

    /// The path of the page that is shown.
    pub(super) async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// What the page that is shown is called.
    pub(super) async fn title(&self) -> String {
        self.driver.title().await.unwrap()
    }

    /// Keeps a picture of the window as `target/journey/{window}-{name}.png`.
    pub(super) async fn picture(&self, name: &str) -> PathBuf {
        name.clone_into(&mut self.doing.borrow_mut());
        let file = artefacts().join(format!("{}-{name}.png", self.name));
        self.driver.screenshot(&file).await.unwrap();
        file
    }

    pub(super) async fn close(self) {
        self.driver.quit().await.unwrap();
    }
}
