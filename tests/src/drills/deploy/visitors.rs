//! Who uses the shop while releases follow each other: readers, buyers and people who upload, each over one connection that
//! is kept, none of whom tries anything twice.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use reqwest::header::{AUTHORIZATION, COOKIE};
use reqwest::{Body, Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::site::Site;
use crate::customer::{Customer, MUG, number};

/// 16 readers who each look every 80 ms make 200 requests a second, where the machine can serve as many.
pub(super) const READERS: usize = 16;
const PACE: Duration = Duration::from_millis(80);
const BUYING: Duration = Duration::from_millis(400);

const PUBLIC: [&str; 3] = ["/", "/products", "/products/everyday-mug"];
const PRIVATE: [&str; 3] = ["/orders", "/account", "/cart"];

/// An upload lasts two seconds and a half, so that every switch hits some.
const CHUNKS: usize = 25;
const CHUNK: Duration = Duration::from_millis(100);

/// What they saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: usize,
    pub(super) uploads: usize,
    /// The numbers of the orders that were acknowledged.
    pub(super) orders: Vec<String>,
    pub(super) failed: Vec<String>,
    pub(super) lost_sessions: usize,
    pub(super) missing_assets: BTreeSet<String>,
    /// Each asset with the turn in which a page last named it.
    assets: BTreeMap<String, usize>,
    pub(super) colours: BTreeMap<String, usize>,
}

pub(super) struct Visitors<'a> {
    site: &'a Site,
    pub(super) seen: RefCell<Seen>,
    /// How many releases have begun.
    pub(super) turn: Cell<usize>,
    pub(super) is_over: Cell<bool>,
}

impl<'a> Visitors<'a> {
    pub(super) fn new(site: &'a Site) -> Self {
        Self {
            site,
            seen: RefCell::default(),
            turn: Cell::default(),
            is_over: Cell::default(),
        }
    }

    /// Looks around; signed in, if there is a cookie.
    pub(super) async fn look(&self, number: usize, cookie: Option<&str>) {
        let client = self.site.connection();
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let paths = cookie.map_or(PUBLIC, |_| PRIVATE);
        let mut look = number;
        while !self.is_over.get() {
            pace.tick().await;
            look += 1;
            if look.is_multiple_of(4) {
                self.look_at_an_asset(&client, look).await;
            } else {
                let mut request = client.get(self.site.shop.url(paths[look % paths.len()]));
                if let Some(cookie) = cookie {
                    request = request.header(COOKIE, cookie);
                }
                self.read(request, paths[look % paths.len()]).await;
            }
        }
    }

    async fn read(&self, request: RequestBuilder, path: &str) {
        let Some((status, page)) = self.ask(request, path).await else {
            return;
        };
        let mut seen = self.seen.borrow_mut();
        match status.as_u16() {
            200 => {
                let turn = self.turn.get();
                let named = page.split("\"/assets/").skip(1);
                let named = named.filter_map(|rest| rest.split('"').next());
                (seen.assets).extend(named.map(|name| (format!("/assets/{name}"), turn)));
            }
            303 => seen.lost_sessions += 1,
            _ => seen.failed.push(format!("{path}: {status}")),
        }
    }

    /// Asks for one of those that a page of the last two turns has named: pages of the last three releases keep theirs.
    async fn look_at_an_asset(&self, client: &Client, look: usize) {
        let assets = self.recent_assets();
        if let Some(asset) = assets.get(look % assets.len().max(1)) {
            self.require_asset(client, asset).await;
        }
    }

    /// Asks for all of them.
    pub(super) async fn look_at_every_asset(&self) {
        let client = self.site.connection();
        for asset in self.recent_assets() {
            self.require_asset(&client, &asset).await;
        }
    }

    fn recent_assets(&self) -> Vec<String> {
        let seen = self.seen.borrow();
        let recent = seen.assets.iter();
        let recent = recent.filter(|(_, turn)| **turn + 1 >= self.turn.get());
        recent.map(|(asset, _)| asset.clone()).collect()
    }

    async fn require_asset(&self, client: &Client, asset: &str) {
        let answer = self.ask(client.get(self.site.shop.url(asset)), asset).await;
        if answer.is_some_and(|(status, _)| status != StatusCode::OK) {
            let mut seen = self.seen.borrow_mut();
            seen.missing_assets.insert(asset.to_owned());
        }
    }

    /// Buys one mug after the other.
    pub(super) async fn buy(&self, customer: &Customer, mug: &str) {
        let client = self.site.connection();
        let mut pace = interval(BUYING);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for turn in 0.. {
            pace.tick().await;
            if self.is_over.get() {
                break;
            }
            let line = json!({ "product_id": mug, "quantity": 1 });
            let key = format!("cart-{turn}");
            let Some(cart) = self
                .post(&client, customer, "/cart/lines", &line, &key, 200)
                .await
            else {
                continue;
            };
            let (order, key) = (customer.order(&cart), format!("order-{turn}"));
            let placed = self.post(&client, customer, "/orders", &order, &key, 201);
            if let Some(placed) = placed.await {
                self.seen.borrow_mut().orders.push(number(&placed));
            }
        }
    }

    /// Puts mugs into a cart with the form.
    pub(super) async fn fill_cart(&self, cookie: &str) {
        let client = self.site.connection();
        let form = [("slug", MUG), ("quantity", "1")];
        while !self.is_over.get() {
            let request = client.post(self.site.shop.url("/cart/lines"));
            let request = request
                .header(COOKIE, cookie)
                .header("sec-fetch-site", "same-origin")
                .form(&form);
            if let Some((status, _)) = self.ask(request, "a form").await
                && status != StatusCode::SEE_OTHER
            {
                let mut seen = self.seen.borrow_mut();
                seen.failed.push(format!("a form: {status}"));
            }
            sleep(BUYING).await;
        }
    }

    /// Attaches one file after the other to an order, each over a slow line, and removes it again.
    pub(super) async fn upload(&self, customer: &Customer, order: &str) {
        let client = self.site.connection();
        let path = format!("/orders/{order}/attachments");
        for turn in 0.. {
            if self.is_over.get() {
                break;
            }
            let file = json!({ "name": "parcel.png", "content_type": "image/png" });
            let key = format!("upload-{turn}");
            let started = self.post(&client, customer, &path, &file, &key, 201);
            let Some(started) = started.await else {
                continue;
            };
            let url = started["url"].as_str().expect("an address");
            let request = client.put(url).header("content-type", "image/png");
            let sent = self.ask(request.body(slowly()), "an upload").await;
            if !self.is(sent.as_ref(), "an upload", 201) {
                continue;
            }
            let id = started["id"].as_str().expect("an id");
            let (finish, key) = (format!("{path}/{id}/finish"), format!("finish-{turn}"));
            let finished = self.post(&client, customer, &finish, &Value::Null, &key, 200);
            if finished.await.is_some() {
                self.seen.borrow_mut().uploads += 1;
            }
            let gone = client.delete(self.site.shop.url(&format!("/api/v1{path}/{id}")));
            let gone = gone.header(AUTHORIZATION, format!("Bearer {}", customer.access_token()));
            let gone = self.ask(gone, "a removal").await;
            self.is(gone.as_ref(), "a removal", 204);
        }
    }

    async fn post(
        &self,
        client: &Client,
        customer: &Customer,
        path: &str,
        body: &Value,
        key: &str,
        wanted: u16,
    ) -> Option<Value> {
        let request = client
            .post(self.site.shop.url(&format!("/api/v1{path}")))
            .bearer_auth(customer.access_token())
            .header("idempotency-key", format!("{key}-{path}"))
            .json(body);
        let answer = self.ask(request, path).await;
        let is_it = self.is(answer.as_ref(), path, wanted);
        let (_, body) = answer.filter(|_| is_it)?;
        serde_json::from_str(&body).ok()
    }

    /// Notes a status that is not the one that was wanted.
    fn is(&self, answer: Option<&(StatusCode, String)>, what: &str, wanted: u16) -> bool {
        let Some((status, body)) = answer else {
            return false;
        };
        if status.as_u16() != wanted {
            let mut seen = self.seen.borrow_mut();
            seen.failed.push(format!("{what}: {status} {body}"));
        }
        status.as_u16() == wanted
    }

    /// Sends a request once; no answer, or half of one, is a failure.
    async fn ask(&self, request: RequestBuilder, what: &str) -> Option<(StatusCode, String)> {
        let answered = async {
            let answer = request.send().await?;
            let colour = answer.headers().get("x-colour").cloned();
            let status = answer.status();
            reqwest::Result::Ok((status, colour, answer.text().await?))
        };
        let answered = answered.await;
        let mut seen = self.seen.borrow_mut();
        seen.requests += 1;
        match answered {
            Ok((status, colour, body)) => {
                if let Some(colour) =
                    colour.and_then(|colour| colour.to_str().ok().map(str::to_owned))
                {
                    *seen.colours.entry(colour).or_default() += 1;
                }
                Some((status, body))
            }
            Err(error) => {
                seen.failed.push(format!("{what}: {error:?}"));
                None
            }
        }
    }
}

/// A picture that comes in pieces.
fn slowly() -> Body {
    const HEAD: &[u8] = b"\x89PNG\r\n\x1a\n";
    let chunks = stream::unfold(0, async |sent| {
        if sent == CHUNKS {
            return None;
        }
        let chunk = if sent == 0 {
            Bytes::from_static(HEAD)
        } else {
            sleep(CHUNK).await;
            Bytes::from_static(&[0; 8 * 1024])
        };
        Some((Ok::<_, std::io::Error>(chunk), sent + 1))
    });
    Body::wrap_stream(chunks)
}
