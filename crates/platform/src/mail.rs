//! Outgoing mail: over SMTP, or into an outbox in memory for tests.

mod message;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use kernel::{EmailAddress, Entropy};
use lettre::transport::smtp::response::Category;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::jobs::{JobError, JobRun};
use crate::outbound::{BreakerSettings, Guard, Refusal, Standing, Verdict};

/// How long handing over one letter may take.
pub const DEADLINE: Duration = Duration::from_secs(5);

const CONNECT_DEADLINE: Duration = Duration::from_secs(1);

/// A letter to one person, as text and as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: EmailAddress,
    /// One line. A line break is refused: it would end the header and begin another.
    pub subject: String,
    /// For programs that show plain text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
    /// Documents.
    pub attachments: Vec<Attachment>,
}

/// A document that goes with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is saved as.
    pub name: String,
    /// What it is: `application/pdf`.
    pub content_type: String,
    /// The document.
    pub bytes: Bytes,
}

/// How the product introduces itself in a letter.
#[derive(Clone, Debug)]
pub struct Letterhead {
    /// The product's name.
    pub product_name: String,
    /// Where the links in a letter lead. From the settings, never from a request's `Host` header: whoever sends the
    /// request would choose where the recipient's token goes.
    pub public_url: Url,
    /// Who writes.
    pub sender: EmailAddress,
}

/// The letter was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It has a line break in a header, or a content type that is none.
    #[error("the letter cannot be written as a mail")]
    InvalidLetter(#[source] anyhow::Error),
    /// The mail server will not take this letter, now or later.
    #[error("the mail server refused the letter")]
    Refused(#[source] lettre::transport::smtp::Error),
    /// The mail server is left alone at the moment, or the deadline passed; after a deadline the letter may arrive all the
    /// same.
    #[error("the letter was not handed over")]
    NotNow(#[source] Refusal),
    /// The mail server cannot be reached, or asks to try again later.
    #[error("the letter could not be handed over")]
    Failed(#[source] lettre::transport::smtp::Error),
}

impl From<MailError> for JobError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::InvalidLetter(_) | MailError::Refused(_) => Self::Fail(error.into()),
            MailError::NotNow(_) | MailError::Failed(_) => Self::Retry(error.into()),
        }
    }
}

/// Sends letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    backend: Backend,
    guard: Arc<Guard>,
    letterhead: Letterhead,
    entropy: Entropy,
}

#[derive(Clone, Debug)]
enum Backend {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Memory(Arc<Mutex<Vec<Letter>>>),
}

impl Mailer {
    /// A mailer over the server at `url`: `smtps://user:password@host`, `smtp://host:587?tls=required`, or
    /// `smtp://host:port` without encryption, for a server on the same machine. Nothing is connected yet.
    ///
    /// # Errors
    /// If `url` is not the address of a mail server.
    pub fn smtp(
        url: &SecretString,
        letterhead: Letterhead,
        entropy: Entropy,
    ) -> anyhow::Result<Self> {
        // One connection per letter. In a pool, a call that its deadline cut off in the middle of a letter would leave a
        // connection on which the next letter is read as the end of this one.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            .context("read the address of the mail server: it should look like smtps://user:password@host")?
            .timeout(Some(CONNECT_DEADLINE))
            .build();
        Ok(Self {
            backend: Backend::Smtp(transport),
            guard: guard(),
            letterhead,
            entropy,
        })
    }

    /// A mailer that keeps what it is given, for tests: see [`Mailer::outbox`].
    #[must_use]
    pub fn memory(letterhead: Letterhead, entropy: Entropy) -> Self {
        Self {
            backend: Backend::Memory(Arc::default()),
            guard: guard(),
            letterhead,
            entropy,
        }
    }

    /// Hands a letter over; `?` decides rightly whether to try again.
    ///
    /// It asks for the run of a job, and does nothing with it, because nobody may wait for a mail server in a request.
    pub async fn send(&self, _: &JobRun, letter: &Letter) -> Result<(), MailError> {
        let message = message::write(letter, &self.letterhead, &self.entropy)
            .map_err(MailError::InvalidLetter)?;
        let transport = match &self.backend {
            Backend::Smtp(transport) => transport,
            Backend::Memory(outbox) => {
                let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
                outbox.push(letter.clone());
                return Ok(());
            }
        };
        let sent = self
            .guard
            .call(transport.send(message), |sent| match sent {
                Ok(_) => ("ok", Verdict::Works),
                Err(error) if is_final(error) => ("refused", Verdict::Works),
                Err(_) => ("failed", Verdict::Broken),
            })
            .await
            .map_err(MailError::NotNow)?;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if is_final(&error) => Err(MailError::Refused(error)),
            Err(error) => Err(MailError::Failed(error)),
        }
    }

    /// How the mail server stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.guard.standing()
    }

    /// The letters that a mailer in memory was given, in order; empty over SMTP.
    #[must_use]
    pub fn outbox(&self) -> Vec<Letter> {
        match &self.backend {
            Backend::Smtp(_) => Vec::new(),
            Backend::Memory(outbox) => outbox
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

fn guard() -> Arc<Guard> {
    Arc::new(Guard::new("mail", DEADLINE, 25, BreakerSettings::default()))
}

/// Whether the server spoke of this letter for good: a reply 55x (RFC 5321, 4.2.1). Other 5xx replies are about us, such
/// as a wrong password, and end when somebody puts the settings right.
fn is_final(error: &lettre::transport::smtp::Error) -> bool {
    error.is_permanent()
        && error
            .status()
            .is_some_and(|code| code.category == Category::MailSystem)
}

#[cfg(test)]
mod tests;
