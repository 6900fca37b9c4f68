//! For tests, here and in the crates above: an endpoint that really receives, and builders. They panic where something goes
//! wrong.

#![expect(clippy::missing_panics_doc, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::{EventId, UserId};
use platform::testing::TestPlatform;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    Description, Endpoint, EventKind, MIGRATOR, Notice, Register, Subscription, Webhooks,
    WebhooksSettings,
};

/// Settings that permit endpoints on this machine.
#[must_use]
pub fn settings() -> WebhooksSettings {
    WebhooksSettings {
        secret_key: "only tests sign with this secret!".into(),
        allow_private_addresses: true,
    }
}

/// The module on a database of its own.
pub async fn start() -> (TestPlatform, Webhooks) {
    let platform = TestPlatform::start(&[&MIGRATOR]).await;
    let webhooks = Webhooks::new(&platform, settings()).expect("a client");
    (platform, webhooks)
}

impl Webhooks {
    /// Somebody.
    #[must_use]
    pub fn a_user(&self) -> UserId {
        UserId::generate(&self.clock, &self.entropy)
    }

    /// An endpoint at `url` that is told everything.
    pub async fn an_endpoint(&self, user_id: UserId, url: &str) -> Endpoint {
        let command = Register {
            url: url.to_owned(),
            description: Description::default(),
            events: Subscription::All,
        };
        self.register(user_id, command).await.expect("an endpoint")
    }

    /// Something that has just happened.
    #[must_use]
    pub fn a_notice(&self, user_id: UserId, kind: EventKind) -> Notice {
        Notice {
            event_id: EventId::generate(&self.clock, &self.entropy),
            user_id,
            kind,
            occurred_at: self.clock.now(),
            data: json!({ "number": 100_001 }),
        }
    }

    /// Has a person told, in a transaction of its own.
    pub async fn notify(&self, notice: Notice) {
        let mut tx = self.db.begin().await.expect("a transaction");
        self.notify_in_tx(&mut tx, notice).await.expect("a message");
        tx.commit().await.expect("a commit");
    }
}

/// How an endpoint answers.
#[derive(Clone, Debug)]
pub enum Manner {
    /// With this status, these headers, each ended by a line break, and no body.
    Answer(u16, &'static str),
    /// With 200 and a body that never ends.
    Babble,
    /// Never.
    Hang,
}

/// An endpoint on this machine.
#[derive(Clone)]
pub struct Receiver {
    /// Where it is.
    pub url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    manner: Manner,
    connections: usize,
    received: Vec<Received>,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST /hooks HTTP/1.1`
    pub line: String,
    /// By name in small letters.
    pub headers: BTreeMap<String, String>,
    /// To the letter.
    pub body: String,
}

impl Receiver {
    /// An endpoint that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver = Self {
            url: format!("http://{address}/hooks"),
            state: Arc::new(Mutex::new(State {
                manner: Manner::Answer(200, ""),
                connections: 0,
                received: Vec::new(),
            })),
        };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.state().connections += 1;
                let receiver = serving.clone();
                // Who calls may hang up at any time.
                tokio::spawn(async move { receiver.serve(stream).await.ok() });
            }
        });
        receiver
    }

    /// From now on it answers otherwise.
    pub fn behave(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// What has come so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state().received.clone()
    }

    /// How often somebody has connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut lines = lines.into_iter();
        let line = lines.next().unwrap_or_default();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect();
        let length = headers.get("content-length").map_or("0", String::as_str);
        let mut body = vec![0; length.parse().expect("a length")];
        stream.read_exact(&mut body).await?;
        let manner = {
            let mut state = self.state();
            state.received.push(Received {
                line,
                headers,
                body: String::from_utf8(body).expect("text"),
            });
            state.manner.clone()
        };
        answer(&mut stream, manner).await
    }
}

async fn answer(stream: &mut BufReader<TcpStream>, manner: Manner) -> std::io::Result<()> {
    match manner {
        Manner::Answer(status, headers) => {
            let head = format!("HTTP/1.1 {status} So\r\n{headers}content-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await
        }
        Manner::Babble => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
            stream.write_all(head).await?;
            loop {
                stream.write_all(&[b'a'; 4_096]).await?;
            }
        }
        Manner::Hang => std::future::pending().await,
    }
}

impl Received {
    /// The message.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON document")
    }

    /// Whether one of its signatures was made with `secret`. It is checked as a receiver would, with nothing of what has
    /// signed it.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let (_, key) = secret.split_once("whsec_").expect("a secret");
        let key = STANDARD.decode(key).expect("base64");
        let [id, at, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"]
            .map(|name| self.headers[name].as_str());
        let signed = format!("{id}.{at}.{}", self.body);
        let expected = format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
        signatures.split(' ').any(|signature| signature == expected)
    }
}

/// HMAC-SHA-256 as RFC 2104 writes it down, for keys that are no longer than a block.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new_with_prefix(padded(0x36)).chain_update(text);
    let outer = Sha256::new_with_prefix(padded(0x5c)).chain_update(inner.finalize());
    outer.finalize().into()
}
