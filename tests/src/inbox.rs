//! The sandbox's inbox, read as its owner would.

use serde::Deserialize;
use url::Url;

use crate::{Shop, eventually, parse, pdf_text};

/// A mail that has arrived.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// Its subject.
    pub subject: String,
    /// What it says, for those who read no HTML.
    pub text: String,
    /// What hangs on it.
    pub attachments: Vec<Attachment>,
}

/// A file that came with a mail.
#[derive(Clone, Debug, Deserialize)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Where it is, relative to the sandbox.
    url: String,
}

impl Mail {
    /// The first link that leads to `path`.
    #[must_use]
    pub fn link(&self, path: &str) -> Option<Url> {
        let mut words = self.text.split_whitespace();
        words.find_map(|word| Url::parse(word).ok().filter(|link| link.path() == path))
    }

    /// The token of the first link that leads to `path`.
    #[must_use]
    pub fn token(&self, path: &str) -> Option<String> {
        let link = self.link(path)?;
        let mut query = link.query_pairs();
        query.find_map(|(name, value)| (name == "token").then(|| value.into_owned()))
    }
}

impl Shop {
    /// The page on which the mails to `recipient` are listed.
    #[must_use]
    pub fn inbox(&self, recipient: &str) -> Url {
        let mut inbox = parse(&self.sandbox.public_url);
        inbox.set_path("/inbox");
        inbox.query_pairs_mut().append_pair("to", recipient);
        inbox
    }

    /// Waits for a mail to `recipient` in which `find` finds something.
    pub async fn mail<T>(&self, recipient: &str, find: impl Fn(&Mail) -> Option<T>) -> T {
        let inbox = format!("{}/inbox.json", self.sandbox.public_url);
        eventually("a mail", async || {
            let request = self.client().get(&inbox).query(&[("to", recipient)]);
            let response = request.send().await.expect("an inbox");
            let mails: Vec<Mail> = response.json().await.expect("mails");
            mails.iter().find_map(&find)
        })
        .await
    }

    /// The text of the invoice that is mailed to `recipient`.
    pub async fn mailed_invoice(&self, recipient: &str) -> String {
        let attached = |mail: &Mail| {
            let is_invoice = mail.subject.starts_with("Invoice ");
            is_invoice.then(|| mail.attachments[0].clone())
        };
        let attachment = self.mail(recipient, attached).await;
        assert_eq!(attachment.content_type, "application/pdf");
        pdf_text(&self.download(&attachment).await).await
    }

    /// The bytes of an attachment.
    pub async fn download(&self, attachment: &Attachment) -> Vec<u8> {
        let url = format!("{}{}", self.sandbox.public_url, attachment.url);
        let response = self.client().get(url).send().await.expect("an inbox");
        response.bytes().await.expect("an attachment").to_vec()
    }
}
