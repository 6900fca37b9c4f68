//! The mail server's side of the world: it takes letters for everybody and shows them to anybody.

mod message;
mod page;
mod smtp;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

pub(crate) use self::{message::Message, smtp::serve};
use crate::{App, behaviour::Switch, recent::Recent, world::Clock};

/// The letters together may take this many bytes; the oldest make room.
const LARGEST_INBOX: usize = 256 * 1024 * 1024;

pub(crate) struct Inbox {
    /// How the SMTP server behaves; the pages are always well.
    pub(crate) switch: Switch,
    clock: Clock,
    store: Mutex<Store>,
}

struct Store {
    messages: Recent<Arc<Message>>,
    bytes: usize,
    last_id: u64,
}

impl Inbox {
    /// At most `kept` letters are remembered.
    pub(crate) fn new(clock: Clock, kept: usize) -> Self {
        Self {
            switch: Switch::default(),
            clock,
            store: Mutex::new(Store {
                messages: Recent::new(kept),
                bytes: 0,
                last_id: 0,
            }),
        }
    }

    /// Keeps a letter as it came over the wire.
    fn keep(&self, from: &str, recipients: &[String], raw: &[u8]) {
        let mut store = self.store();
        store.last_id += 1;
        let now = self.clock.now();
        let message = Message::parse(store.last_id, now, from, recipients, raw);
        store.bytes += message.size;
        if let Some(forgotten) = store.messages.push(Arc::new(message)) {
            store.bytes -= forgotten.size;
        }
        while store.bytes > LARGEST_INBOX {
            let Some(forgotten) = store.messages.pop_oldest() else {
                break;
            };
            store.bytes -= forgotten.size;
        }
    }

    /// Newest first; of one recipient, or of all.
    pub(crate) fn list(&self, recipient: Option<&str>) -> Vec<Arc<Message>> {
        let is_for = |message: &Message| {
            recipient.is_none_or(|wanted| {
                let mut recipients = message.to.iter();
                recipients.any(|recipient| recipient.eq_ignore_ascii_case(wanted))
            })
        };
        let store = self.store();
        let found = store.messages.iter().filter(|message| is_for(message));
        found.cloned().collect()
    }

    fn find(&self, id: u64) -> Option<Arc<Message>> {
        self.store()
            .messages
            .find(|message| message.id == id)
            .cloned()
    }

    /// Forgets all letters; numbers go on, so that no link leads to another letter than before.
    fn clear(&self) {
        let mut store = self.store();
        store.messages.clear();
        store.bytes = 0;
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn routes() -> Router<App> {
    page::routes()
}
