//! What Caddy does for and against those who come, with the very file that production has.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::{ACCEPT_ENCODING, ALT_SVC, CACHE_CONTROL, CONTENT_ENCODING};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http3;
use super::site::{Site, Wire};
use crate::customer::MUG;
use crate::drills::Measured;
use crate::eventually;

/// What a stranger says about where a request comes from.
const CLAIMED: &str = "198.51.100.77";

pub(super) async fn proxy() -> Measured {
    let site = Site::open("drill-proxy", Wire::Tls).await;
    let proxy = Proxy { site: &site };
    proxy.speaks_http_2_and_offers_http_3().await;
    proxy.speaks_http_3().await;
    proxy.keeps_private_things_private().await;
    proxy.believes_no_claims().await;
    proxy.serves_assets_by_itself().await;
    proxy.refuses_what_is_too_large().await;
    proxy.logs_no_secrets().await;
    let waited = proxy.waits_for_a_colour_that_comes_back().await;
    drop(site);

    let site = Site::open("drill-proxy-plain", Wire::Plain).await;
    let cut_off = Proxy { site: &site }.cuts_off_slow_clients().await;
    format!(
        "HTTP/2, which offers HTTP/3; a page and its style sheet over HTTP/3, in Chromium; /metrics and /readyz 404; a \
         stranger's addresses, request id and tokens count and stand nowhere; assets compressed and kept; 431 and 413; a \
         colour that was killed was waited for {:.1} s; a client that sends no head was cut off after {:.0} s",
        waited.as_secs_f64(),
        cut_off.as_secs_f64(),
    )
}

struct Proxy<'a> {
    site: &'a Site,
}

impl Proxy<'_> {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.site.shop.client().get(self.site.shop.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    async fn speaks_http_2_and_offers_http_3(&self) {
        let answer = self.get("/", &[]).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        let offered = answer.headers()[ALT_SVC].to_str().expect("an offer");
        let port = self.site.caddys_address().port();
        assert!(offered.contains(&format!("h3=\":{port}\"")), "{offered}");
        assert!(
            !answer.headers().contains_key("server"),
            "it tells its name"
        );
    }

    /// Nobody else asks for this page here, so that Caddy's log speaks of this browser.
    async fn speaks_http_3(&self) {
        let path = format!("/products/{MUG}");
        let page = http3::page(self.site, &path).await;
        assert!(page.contains("<h1>Everyday Mug</h1>"), "{page}");
        let host = format!("localhost:{}", self.site.caddys_address().port());
        for uri in [&path, "/assets/app."] {
            let asked =
                format!(r#""proto":"HTTP/3.0","method":"GET","host":"{host}","uri":"{uri}"#);
            self.log("caddy.log", &asked).await;
        }
    }

    async fn keeps_private_things_private(&self) {
        for path in ["/metrics", "/readyz", "/assets/.releases/current"] {
            assert_eq!(self.get(path, &[]).await.status(), 404, "{path}");
        }
        assert_eq!(self.get("/livez", &[]).await.status(), 200);
    }

    async fn believes_no_claims(&self) {
        let id = "an-id-that-a-stranger-chose";
        let headers = [
            ("x-forwarded-for", CLAIMED),
            ("x-real-ip", CLAIMED),
            ("forwarded", "for=198.51.100.77"),
            ("x-request-id", id),
        ];
        let answer = self.get("/products?q=claim", &headers).await;
        let given = answer.headers()["x-request-id"].to_str().expect("an id");
        assert_ne!(given, id);
        let log = self.log("app-green.log", given).await;
        let line = log
            .lines()
            .find(|line| line.contains(given) && line.contains("client="));
        let line = line.unwrap_or_else(|| panic!("no line about {given}"));
        assert!(line.contains("client=127.0.0.1"), "{line}");
        assert!(!log.contains(CLAIMED), "a claim was believed");
    }

    async fn serves_assets_by_itself(&self) {
        let page = self.get("/", &[]).await.text().await.expect("a page");
        let (_, rest) = page
            .split_once("href=\"/assets/app.")
            .expect("a style sheet");
        let name = rest.split('"').next().unwrap_or_default();
        for (accepted, encoding) in [("br, gzip", "br"), ("gzip", "gzip")] {
            let headers = [(ACCEPT_ENCODING.as_str(), accepted)];
            let asset = self.get(&format!("/assets/app.{name}"), &headers).await;
            let headers = asset.headers();
            assert_eq!(headers[CONTENT_ENCODING], encoding);
            let kept = headers[CACHE_CONTROL].to_str().expect("a policy");
            assert!(kept.contains("immutable"), "{kept}");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert!(!headers.contains_key("x-colour"), "a colour was asked");
        }
    }

    async fn refuses_what_is_too_large(&self) {
        let large = "x".repeat(64 * 1024);
        let answer = self.site.shop.client().get(self.site.shop.url("/"));
        let answer = answer.header("x-large", large).send().await;
        // Over HTTP/2 a head that is too large may end the connection instead.
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 431));
        let form = self.site.shop.client().post(self.site.shop.url("/sign-in"));
        let form = form.header("sec-fetch-site", "same-origin");
        let form = form.form(&[("email", "x".repeat(300 * 1024))]).send().await;
        // The app's own answer: Caddy's limit lies behind it.
        assert_eq!(form.expect("an answer").status(), 413);
    }

    async fn logs_no_secrets(&self) {
        let headers = [
            ("cookie", "session=canary-cookie"),
            ("authorization", "Bearer canary-bearer"),
        ];
        let answer = self
            .get("/reset-password?token=canary-token", &headers)
            .await;
        assert!(!answer.status().is_server_error());
        let log = self.log("caddy.log", "\"uri\":\"/reset-password?\"").await;
        assert!(!log.contains("canary"), "a secret stands in Caddy's log");
    }

    /// Waits until a log has this in it, and gives the log.
    async fn log(&self, name: &str, wanted: &str) -> String {
        let file = self.site.run_folder().join("logs").join(name);
        eventually("a line in a log", async || {
            let log = fs::read_to_string(&file).ok()?;
            log.contains(wanted).then_some(log)
        })
        .await
    }

    /// A request that nothing has received yet is nobody's loss. Debian's Caddy can send a body once only: it closes it with
    /// the connection that it did not get.
    ///
    /// One is asked for before Caddy has found out, and one after.
    async fn waits_for_a_colour_that_comes_back(&self) -> Duration {
        let known = self.failed_checks();
        self.site.kill_green().await;
        let since = Instant::now();
        let later = async {
            eventually("a colour that Caddy knows to be gone", async || {
                (self.failed_checks() > known).then_some(())
            })
            .await;
            let restarting = async { self.site.start_green() };
            tokio::join!(self.get("/products", &[]), restarting)
        };
        let (at_once, (later, _green)) = tokio::join!(self.get("/products", &[]), later);
        assert_eq!(at_once.status(), 200);
        assert_eq!(later.status(), 200, "nobody waits for what is not well");
        since.elapsed()
    }

    /// How many checks green has failed, as Caddy's log tells.
    fn failed_checks(&self) -> usize {
        let log = fs::read_to_string(self.site.run_folder().join("logs/caddy.log"));
        let log = log.expect("Caddy's log");
        let green = self.site.local("GREEN_APP");
        let failed = log
            .lines()
            .filter(|line| line.contains("health_checker.active") && line.contains(&green));
        failed.count()
    }

    async fn cuts_off_slow_clients(&self) -> Duration {
        let since = Instant::now();
        let mut client = TcpStream::connect(self.site.caddys_address())
            .await
            .expect("Caddy");
        client
            .write_all(b"GET / HTTP/1.1\r\n")
            .await
            .expect("Caddy");
        let mut answer = Vec::new();
        let ended = timeout(Duration::from_secs(40), client.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "a client that sends nothing is waited for");
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
        since.elapsed()
    }
}
