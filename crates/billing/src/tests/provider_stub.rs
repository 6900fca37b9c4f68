//! A payment provider on a socket, with every state of its objects in the test's hand. The sandbox stands in for the
//! provider as a whole; this one shows single states that the sandbox does not get into, on the tests' own clock.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use platform::testing::start_of_time;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

pub(crate) const API_KEY: &str = "sk_test_stub";

#[derive(Clone)]
pub(crate) struct ProviderStub {
    pub(crate) url: Url,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    objects: BTreeMap<String, Value>,
    /// What lists say of when an object was made.
    now: DateTime<Utc>,
    /// How much goes on a page of a list, if less than was asked for.
    page: Option<usize>,
    /// Answers by idempotency key.
    answers: BTreeMap<String, Value>,
    calls: Vec<Call>,
    refund_status: Option<&'static str>,
    broken: Option<(u16, Value)>,
    /// How many calls are answered before it breaks.
    calls_left: Option<usize>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `POST /v1/refunds`
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) form: BTreeMap<String, String>,
}

impl ProviderStub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stub = Self {
            url: url.parse().unwrap(),
            books: Arc::default(),
        };
        stub.set_time(start_of_time());
        let serving = stub.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let stub = serving.clone();
                tokio::spawn(async move { stub.serve(stream).await });
            }
        });
        stub
    }

    /// The customer pays on the session's page.
    pub(crate) fn pay(&self, session_id: &str) {
        let amount = self.books().objects[session_id]["amount_total"].as_i64();
        self.pay_amount(session_id, amount.unwrap(), "eur");
    }

    pub(crate) fn pay_amount(&self, session_id: &str, minor: i64, currency: &str) {
        let intent_id = session_id.replace("cs_", "pi_");
        self.change(
            session_id,
            json!({
                "status": "complete", "payment_status": "paid", "payment_intent": intent_id,
                "amount_total": minor, "currency": currency, "url": null,
            }),
        );
        self.settle_intent(session_id, "succeeded", minor, currency);
    }

    /// The customer has chosen to pay by bank debit, which takes days.
    pub(crate) fn promise(&self, session_id: &str) {
        let intent_id = session_id.replace("cs_", "pi_");
        self.change(
            session_id,
            json!({ "status": "complete", "payment_intent": intent_id }),
        );
        self.settle_intent(session_id, "processing", 0, "eur");
    }

    pub(crate) fn settle_intent(&self, session_id: &str, status: &str, minor: i64, currency: &str) {
        let mut books = self.books();
        let metadata = books.objects[session_id]["metadata"].clone();
        let intent_id = session_id.replace("cs_", "pi_");
        let intent = json!({
            "id": intent_id, "object": "payment_intent", "status": status, "created": books.now.timestamp(),
            "amount_received": minor, "currency": currency, "metadata": metadata,
        });
        books.objects.insert(intent_id, intent);
    }

    /// What is made from now on is dated this.
    pub(crate) fn set_time(&self, now: DateTime<Utc>) {
        self.books().now = now;
    }

    /// Lists have so much on a page.
    pub(crate) fn put_on_a_page(&self, size: usize) {
        self.books().page = Some(size);
    }

    /// Somebody makes an object at the provider, without us.
    pub(crate) fn make(&self, id: &str, mut object: Value) {
        let mut books = self.books();
        object["id"] = id.into();
        object["created"] = books.now.timestamp().into();
        books.objects.insert(id.to_owned(), object);
    }

    /// The provider has lost an object.
    pub(crate) fn lose(&self, id: &str) -> Value {
        self.books().objects.remove(id).unwrap()
    }

    pub(crate) fn expire(&self, session_id: &str) {
        self.change(session_id, json!({ "status": "expired", "url": null }));
    }

    pub(crate) fn change(&self, id: &str, fields: Value) {
        let mut books = self.books();
        let object = books.objects.get_mut(id).unwrap().as_object_mut().unwrap();
        object.extend(fields.as_object().unwrap().clone());
    }

    /// Refunds get this status from now on.
    pub(crate) fn refunds_become(&self, status: &'static str) {
        self.books().refund_status = Some(status);
    }

    /// Every call is answered with this, and nothing is done.
    pub(crate) fn answer_with(&self, status: u16, body: Value) {
        self.books().broken = Some((status, body));
    }

    /// After this many calls, the provider is away.
    pub(crate) fn break_after(&self, calls: usize) {
        self.books().calls_left = Some(calls);
    }

    pub(crate) fn recover(&self) {
        let mut books = self.books();
        (books.broken, books.calls_left) = (None, None);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.books().calls.clone()
    }

    /// The calls that changed something at `path`.
    pub(crate) fn posts(&self, path: &str) -> Vec<Call> {
        let line = format!("POST {path}");
        let calls = self.calls().into_iter();
        calls.filter(|call| call.line == line).collect()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let call = read(&mut stream).await;
        let (status, body) = self.books().answer(call);
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} Because\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

impl Books {
    fn answer(&mut self, call: Call) -> (u16, Value) {
        self.calls.push(call.clone());
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        match &mut self.calls_left {
            Some(0) => return (503, json!({})),
            Some(left) => *left -= 1,
            None => {}
        }
        if let Some(answer) = call
            .headers
            .get("idempotency-key")
            .and_then(|key| self.answers.get(key))
        {
            return (200, answer.clone());
        }
        if let Some((kind, query)) = call
            .line
            .strip_prefix("GET /v1/")
            .and_then(|it| it.split_once('?'))
        {
            return (200, self.list(kind, query));
        }
        let path: Vec<_> = call.line.split(['/', ' ']).collect();
        let answer = match path[..] {
            ["POST", "", "v1", "checkout", "sessions"] => Ok(self.session(&call.form)),
            ["POST", "", "v1", "checkout", "sessions", id, "expire"] => self.expire(id),
            ["POST", "", "v1", "refunds"] => Ok(self.refund(&call.form)),
            ["GET", "", "v1", .., id] => self
                .objects
                .get(id)
                .cloned()
                .ok_or((404, json!({ "error": { "code": "resource_missing" } }))),
            _ => panic!("the stub does not know {}", call.line),
        };
        match answer {
            Ok(object) => {
                if let Some(key) = call.headers.get("idempotency-key") {
                    self.answers.insert(key.clone(), object.clone());
                }
                (200, object)
            }
            Err(refusal) => refusal,
        }
    }

    /// The newest first; of the same second, whatever has the larger id.
    fn list(&self, kind: &str, query: &str) -> Value {
        let query: BTreeMap<String, String> = serde_urlencoded::from_str(query).unwrap();
        let number = |name: &str| query[name].parse::<i64>().unwrap();
        let created = |object: &Value| object["created"].as_i64().unwrap_or_default();
        let mut found: Vec<_> = self.objects.values().collect();
        found.retain(|object| object["object"] == kind.trim_end_matches('s'));
        found.retain(|object| {
            (number("created[gte]")..number("created[lt]")).contains(&created(object))
        });
        found.sort_by_key(|object| Reverse((created(object), object["id"].as_str())));
        let start = query.get("starting_after").map_or(0, |after| {
            found.iter().position(|it| it["id"] == *after).unwrap() + 1
        });
        let size = self.page.unwrap_or_else(|| query["limit"].parse().unwrap());
        let page: Vec<_> = found.iter().skip(start).take(size).collect();
        let has_more = start + page.len() < found.len();
        json!({ "object": "list", "data": page, "has_more": has_more })
    }

    fn session(&mut self, form: &BTreeMap<String, String>) -> Value {
        let id = format!("cs_{}", self.objects.len() + 1);
        let amount: i64 = form["line_items[0][price_data][unit_amount]"]
            .parse()
            .unwrap();
        let session = json!({
            "id": id, "object": "checkout.session", "status": "open", "payment_status": "unpaid",
            "url": format!("https://pay.example/{id}"), "amount_total": amount,
            "currency": form["line_items[0][price_data][currency]"], "payment_intent": null,
            "metadata": { "payment_id": form["metadata[payment_id]"] },
            "a_field_of_next_year": true,
        });
        self.objects.insert(id, session.clone());
        session
    }

    fn expire(&mut self, id: &str) -> Result<Value, (u16, Value)> {
        let session = self.objects.get_mut(id).unwrap();
        if session["status"] != "open" {
            return Err((
                400,
                json!({ "error": { "message": "only open sessions can be expired" } }),
            ));
        }
        session["status"] = "expired".into();
        Ok(session.clone())
    }

    fn refund(&mut self, form: &BTreeMap<String, String>) -> Value {
        let id = format!("re_{}", self.objects.len() + 1);
        let refund = json!({
            "id": id, "object": "refund", "status": self.refund_status.unwrap_or("succeeded"),
            "payment_intent": form["payment_intent"], "amount": form["amount"].parse::<i64>().unwrap(),
            "currency": "eur", "created": self.now.timestamp(),
            "metadata": { "refund_id": form["metadata[refund_id]"] },
        });
        self.objects.insert(id, refund.clone());
        refund
    }
}

async fn read(stream: &mut TcpStream) -> Call {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines
        .next()
        .unwrap()
        .trim_end_matches(" HTTP/1.1")
        .to_owned();
    let headers: BTreeMap<_, _> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    Call {
        line,
        headers,
        form: serde_urlencoded::from_bytes(&body).unwrap(),
    }
}
