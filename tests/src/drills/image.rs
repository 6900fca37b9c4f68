//! The real image in containers: what it is, what it may do, how it ends, and a switch between two of them behind Caddy.
//!
//! It needs an engine, which not every machine has: it runs when it is named, and never with the others.

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, StatusCode};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::engine::{self, Container, Image};
use super::readers::{Read, connection, look, read_until};
use super::{Drill, Length, Measured};
use crate::{Setup, Shop, client_builder, eventually, free_port};

pub(super) const DRILLS: [Drill; 1] = [Drill {
    name: "image",
    fault: "containers of the real image, read-only and without any right, of which one takes the other's place behind Caddy",
    expected: "not root, no shell, nothing written; ready and drained as outside of a container; 0 requests lost",
    run: |length| Box::pin(image(length)),
}];

/// What the binary may have, in bytes.
const BINARY_LIMIT: u64 = 30_000_000;

/// People who look at pages during the switch, each over one connection.
const READERS: usize = 8;

async fn image(length: Length) -> Measured {
    engine::require().await;
    let since = Instant::now();
    let image = Image::build().await;
    let built = since.elapsed();
    let told = look_at(&image).await;

    let shop = Shop::open(Setup::new("drill-image").without_worker()).await;
    let worker = Container::start(&image, &shop, "worker").await;
    worker.works().await;
    let worker_memory = worker.memory().await;
    let switched = switch(&image, &shop, length).await;
    assert_eq!(worker.stop().await, 0, "the worker did not end in order");
    format!(
        "built in {} s; {told}; an idle worker has {worker_memory}; {switched}",
        built.as_secs()
    )
}

/// What can be seen from outside.
async fn look_at(image: &Image) -> String {
    let user = image.inspect("{{.Config.User}}").await;
    assert_eq!(user, "65532:65532");
    assert_eq!(image.inspect("{{.Config.StopSignal}}").await, "SIGTERM");
    let labels = image.inspect("{{json .Config.Labels}}").await;
    for label in ["revision", "version", "source", "licenses", "base.name"] {
        let label = format!("org.opencontainers.image.{label}");
        assert!(labels.contains(&label), "{label} is missing in {labels}");
    }
    assert!(!image.has("/bin/sh").await, "it has a shell");
    let binary = image.size_of("/usr/local/bin/server").await;
    assert!(
        binary <= BINARY_LIMIT,
        "the binary has {} instead of {}",
        in_mb(binary),
        in_mb(BINARY_LIMIT)
    );
    let bill = image.size_of("/usr/local/share/server/sbom.json").await;
    assert!(bill > 10_000, "the bill of materials is missing");
    let size = image.inspect("{{.Size}}").await.parse().expect("a size");
    format!(
        "the image has {}, of which the binary {}; user {user}, no shell",
        in_mb(size),
        in_mb(binary)
    )
}

/// Green takes blue's place under readers, while one request to blue is not yet whole.
async fn switch(image: &Image, shop: &Shop, length: Length) -> String {
    let blue = Container::start(image, shop, "serve").await;
    let begun = Instant::now();
    blue.healthy().await;
    let healthy = begun.elapsed();
    let green = Container::start(image, shop, "serve").await;
    let caddy = Caddy::start(shop.folder(), &blue, &green).await;

    let is_over = AtomicBool::new(false);
    let readers = join_all((0..READERS).map(|_| caddy.read_until(&is_over)));
    let switching = async {
        sleep(length.pick(Duration::from_secs(1), Duration::from_secs(10))).await;
        green.healthy().await;
        let unfinished = caddy.begin();
        blue.has_requests_in_flight().await;
        caddy.point_at_green();
        // Caddy may have chosen blue just before, and connect just after.
        sleep(Duration::from_millis(500)).await;
        let stopping = tokio::spawn({
            let blue = blue.clone();
            async move {
                let since = Instant::now();
                (blue.stop().await, since.elapsed())
            }
        });
        blue.hung_up().await;
        let status = unfinished.finish().await;
        let (code, took) = stopping.await.expect("a stop that ends");
        assert_eq!(code, 0, "blue did not end in order");
        assert_eq!(status, StatusCode::ACCEPTED, "of the request in flight");
        sleep(Duration::from_secs(1)).await;
        is_over.store(true, Ordering::Relaxed);
        (status, took)
    };
    let (read, (status, took)) = tokio::join!(readers, switching);
    let read = Read::together(read);
    read.lost_nothing(50);
    let memory = green.memory().await;
    assert_eq!(green.written().await, "", "it wrote into its own files");
    assert_eq!(green.stop().await, 0, "green did not end in order");
    format!(
        "healthy after {:.1} s, with {memory} after the switch; of {} requests 0 lost; one in flight at `SIGTERM` was \
         answered {status}, and blue ended after {:.1} s",
        healthy.as_secs_f64(),
        read.asked,
        took.as_secs_f64()
    )
}

/// The machine's Caddy with the checkout's settings, on loopback.
struct Caddy {
    port: u16,
    active: std::path::PathBuf,
    _process: Child,
}

impl Caddy {
    async fn start(folder: &Path, blue: &Container, green: &Container) -> Self {
        let (port, run) = (free_port(), folder.join("run"));
        let active = run.join("active");
        fs::create_dir_all(&active).expect("a folder for the switch");
        let mut process = Command::new("caddy")
            .args(["run", "--adapter", "caddyfile", "--config"])
            .arg(engine::root().join("Caddyfile"))
            .env("SITE_ADDRESS", format!("http://:{port}"))
            .env("BIND_ADDRESS", "127.0.0.1")
            .env("HTTP_PORT", port.to_string())
            .env("HTTPS_PORT", free_port().to_string())
            .env("CADDY_ADMIN", format!("localhost:{}", free_port()))
            .env(
                "CADDY_LOG",
                format!("file {}", folder.join("caddy.log").display()),
            )
            .env("RUN_FOLDER", &run)
            .env("SITES_FOLDER", &run)
            .env("BLUE_UPSTREAM", blue.address())
            .env("GREEN_UPSTREAM", green.address())
            .env("XDG_DATA_HOME", folder)
            .env("XDG_CONFIG_HOME", folder)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Caddy: on Debian, `apt-get install caddy`");
        let client = connection(client_builder());
        eventually("pages through Caddy", async || {
            let ended = process.try_wait().expect("a process to look at");
            assert!(ended.is_none(), "Caddy ended: {ended:?}");
            look(&client, &products(port)).await.ok()
        })
        .await;
        Self {
            port,
            active,
            _process: process,
        }
    }

    fn point_at_green(&self) {
        fs::write(self.active.join("green"), "").expect("a switch that can be made");
    }

    async fn read_until(&self, is_over: &AtomicBool) -> Read {
        let client = connection(client_builder());
        let pause = Duration::from_millis(20);
        read_until(&client, &products(self.port), pause, is_over).await
    }

    /// Sends all of a request but the end of its body.
    fn begin(&self) -> Unfinished {
        let (end, ended) = oneshot::channel();
        let url = format!("http://127.0.0.1:{}/api/v1/password-resets", self.port);
        let rest = stream::once(ended).map(|_| Ok(r#"body@example.test"}"#));
        let body = stream::iter([Ok::<_, Infallible>(r#"{"email":"no"#)]).chain(rest);
        let request = connection(client_builder())
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::wrap_stream(body));
        let answer = tokio::spawn(async { request.send().await.expect("an answer").status() });
        Unfinished { end, answer }
    }
}

/// A request of which a part is still to come.
struct Unfinished {
    end: oneshot::Sender<()>,
    answer: JoinHandle<StatusCode>,
}

impl Unfinished {
    /// Sends the rest; gives the status of the answer.
    async fn finish(self) -> StatusCode {
        self.end.send(()).expect("a request that waits");
        self.answer.await.expect("an answer")
    }
}

fn products(port: u16) -> String {
    format!("http://127.0.0.1:{port}/products")
}

/// Megabytes of 1,000,000 bytes.
fn in_mb(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
