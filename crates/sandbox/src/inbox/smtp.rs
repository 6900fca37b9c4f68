//! A mail server after RFC 5321, with as much of it as a well-behaved client uses.
//! Parsing is `smtp-proto`'s; this is the conversation.

use std::{borrow::Cow, io, slice, sync::Arc, time::Duration};

use smtp_proto::{
    Error, Request,
    request::receiver::{DataReceiver, RequestReceiver},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Inbox;
use crate::behaviour::Mode;

/// The largest letter taken, in bytes; announced to clients.
const LARGEST_LETTER: usize = 25 * 1024 * 1024;
/// RFC 5321, 4.5.3.1.8: a server must take at least this many recipients.
const MOST_RECIPIENTS: usize = 100;
/// RFC 5321, 4.5.3.2.7: a server should wait this long for the next command.
const PATIENCE: Duration = Duration::from_mins(5);

/// Serves until stopped; connections still open then are dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    inbox: Arc<Inbox>,
    tasks: TaskTracker,
    stopping: CancellationToken,
) {
    while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of file descriptors, most likely: trying again at once would spin.
                tracing::warn!(%error, "mail connection not accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let stopping = stopping.clone();
        let mut session = Session::new(socket, Arc::clone(&inbox));
        tasks.spawn(async move {
            if let Some(Err(error)) = stopping.run_until_cancelled(session.run()).await {
                tracing::debug!(%error, "mail connection ended");
            }
        });
    }
}

struct Session {
    socket: TcpStream,
    inbox: Arc<Inbox>,
    /// Absent until `MAIL FROM`; the empty sender of a bounce counts.
    sender: Option<String>,
    recipients: Vec<String>,
}

impl Session {
    fn new(socket: TcpStream, inbox: Arc<Inbox>) -> Self {
        Self {
            socket,
            inbox,
            sender: None,
            recipients: Vec::new(),
        }
    }

    async fn run(&mut self) -> io::Result<()> {
        self.say("220 sandbox ESMTP").await?;
        let mut requests = RequestReceiver::default();
        let mut letter: Option<Letter> = None;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = timeout(PATIENCE, self.socket.read(&mut buffer)).await??;
            if read == 0 {
                return Ok(());
            }
            // One read may hold many commands, or a command and a letter (RFC 2920, pipelining).
            let mut bytes = buffer[..read].iter();
            while !bytes.as_slice().is_empty() {
                if let Some(incoming) = &mut letter {
                    if incoming.is_complete_with(&mut bytes)
                        && let Some(letter) = letter.take()
                    {
                        self.take(letter).await?;
                    }
                    continue;
                }
                match requests.ingest(&mut bytes) {
                    Ok(Request::Quit) => return self.say("221 2.0.0 Bye").await,
                    Ok(Request::Data) if !self.recipients.is_empty() => {
                        letter = Some(Letter::default());
                        self.say("354 End with a dot on a line of its own").await?;
                    }
                    Ok(request) => {
                        let reply = self.answer(request);
                        self.say(reply).await?;
                    }
                    Err(Error::NeedsMoreData { .. }) => break,
                    Err(Error::ResponseTooLong) => {
                        return self.say("500 5.5.2 Line too long").await;
                    }
                    Err(Error::UnknownCommand) => self.say("500 5.5.1 Unknown command").await?,
                    Err(_) => self.say("501 5.5.4 Not understood").await?,
                }
            }
        }
    }

    fn answer(&mut self, request: Request<Cow<'_, str>>) -> &'static str {
        match request {
            Request::Ehlo { .. } => {
                self.reset();
                concat!(
                    "250-sandbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n",
                    "250-ENHANCEDSTATUSCODES\r\n250 SIZE 26214400"
                )
            }
            Request::Helo { .. } => {
                self.reset();
                "250 sandbox"
            }
            Request::Mail { .. } if self.inbox.switch.get().mode == Mode::Failing => {
                "451 4.3.0 Told to fail"
            }
            Request::Mail { .. } if self.sender.is_some() => "503 5.5.1 One letter at a time",
            Request::Mail { from } if from.size > LARGEST_LETTER => "552 5.3.4 Too large",
            Request::Mail { from } => {
                self.sender = Some(from.address.into_owned());
                "250 2.1.0 Ok"
            }
            Request::Rcpt { .. } if self.sender.is_none() => "503 5.5.1 MAIL comes first",
            Request::Rcpt { to } if to.address.is_empty() => "501 5.1.3 No such address",
            Request::Rcpt { .. } if self.recipients.len() == MOST_RECIPIENTS => {
                "452 4.5.3 Too many recipients"
            }
            Request::Rcpt { to } => {
                self.recipients.push(to.address.into_owned());
                "250 2.1.5 Ok"
            }
            Request::Data => "503 5.5.1 RCPT comes first",
            Request::Rset => {
                self.reset();
                "250 2.0.0 Ok"
            }
            Request::Noop { .. } => "250 2.0.0 Ok",
            Request::Vrfy { .. } => "252 2.5.0 Send it and see",
            _ => "502 5.5.1 Not offered",
        }
    }

    /// Keeps a letter that has come in whole. When told to be slow, the letter is kept first and
    /// acknowledged late: a client that gives up has delivered it and does not know.
    async fn take(&mut self, letter: Letter) -> io::Result<()> {
        let behaviour = self.inbox.switch.get();
        let reply = match behaviour.mode {
            _ if letter.too_large => "552 5.3.4 Too large",
            Mode::Failing => "451 4.3.0 Told to fail",
            Mode::Hanging => "",
            Mode::Normal | Mode::Slow => {
                let sender = self.sender.as_deref().unwrap_or_default();
                self.inbox.keep(sender, &self.recipients, &letter.bytes);
                "250 2.0.0 Kept"
            }
        };
        self.reset();
        sleep(behaviour.delay()).await;
        self.say(reply).await
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// The one place where answers leave, and so the place to hang.
    async fn say(&mut self, reply: &str) -> io::Result<()> {
        if self.inbox.switch.get().mode == Mode::Hanging {
            let mut ignored = tokio::io::sink();
            tokio::io::copy(&mut self.socket, &mut ignored).await?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        self.socket
            .write_all(format!("{reply}\r\n").as_bytes())
            .await
    }
}

/// A letter on its way in.
struct Letter {
    receiver: DataReceiver,
    bytes: Vec<u8>,
    too_large: bool,
}

impl Default for Letter {
    fn default() -> Self {
        let mut receiver = DataReceiver::new();
        // The line break that ended the DATA command counts: without it, a dot on the very first
        // line would neither be unstuffed nor end the letter.
        receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
        Self {
            receiver,
            bytes: Vec::new(),
            too_large: false,
        }
    }
}

impl Letter {
    fn is_complete_with(&mut self, bytes: &mut slice::Iter<'_, u8>) -> bool {
        let complete = self.receiver.ingest(bytes, &mut self.bytes);
        if self.bytes.len() > LARGEST_LETTER {
            self.too_large = true;
        }
        if self.too_large {
            self.bytes.clear();
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a letter in pieces of `size` bytes; gives it back with what followed it.
    fn receive(wire: &[u8], size: usize) -> Option<Vec<u8>> {
        let mut letter = Letter::default();
        let mut pieces = wire.chunks(size);
        pieces
            .any(|piece| letter.is_complete_with(&mut piece.iter()))
            .then_some(letter.bytes)
    }

    #[test]
    fn dots_are_unstuffed_however_the_bytes_arrive() {
        for size in 1..20 {
            let letter = receive(b"..a\r\n...\r\nb.\r\n.\r\n", size);
            assert_eq!(letter.unwrap(), b".a\r\n..\r\nb.\r\n", "{size}");
            assert_eq!(receive(b".\r\n", size).unwrap(), b"", "{size}");
        }
    }

    #[test]
    fn only_a_dot_between_full_line_breaks_ends_a_letter() {
        for wire in [
            "a\n.\n",
            "a\n.\r\n",
            "a\r\n.\n",
            "a\r\n.b\r\n",
            "a\r\n. \r\n",
        ] {
            assert_eq!(receive(wire.as_bytes(), 100), None, "{wire:?}");
        }
    }

    #[test]
    fn a_letter_that_is_too_large_is_read_to_its_end_and_dropped() {
        let mut wire = vec![b'x'; LARGEST_LETTER + 1];
        wire.extend(b"\r\n.\r\n");
        let mut letter = Letter::default();
        let complete = wire
            .chunks(16 * 1024)
            .any(|piece| letter.is_complete_with(&mut piece.iter()));
        assert!(complete && letter.too_large && letter.bytes.is_empty());
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn a_letter_is_the_same_however_its_bytes_arrive() {
        fuzzing::bytes("smtp_data", |wire| {
            let receive = |size| {
                let mut letter = Letter::default();
                let mut pieces = wire.chunks(size);
                let complete = pieces.any(|piece| letter.is_complete_with(&mut piece.iter()));
                (complete, letter.bytes)
            };
            let whole = receive(wire.len().max(1));
            assert_eq!(receive(1), whole);
            assert_eq!(receive(7), whole);
        });
    }

    #[test]
    fn a_client_that_says_anything_is_understood_or_told() {
        fuzzing::bytes("smtp_commands", |wire| {
            let mut requests = RequestReceiver::default();
            let mut bytes = wire.iter();
            while !bytes.as_slice().is_empty() {
                let left = bytes.as_slice().len();
                if let Err(Error::NeedsMoreData { .. } | Error::ResponseTooLong) =
                    requests.ingest(&mut bytes)
                {
                    break;
                }
                assert!(bytes.as_slice().len() < left, "this would spin for ever");
            }
        });
    }
}
