//! A client that holds one connection and never asks again: one that does, as most do for GET, would hide what was lost.

use std::io::{Error, ErrorKind, Result};
use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const BODY: &str = r#"{"email":"nobody@example.test"}"#;

/// A connection that is kept.
pub(super) struct Line(BufReader<TcpStream>);

/// A request of which a part is still to come.
pub(super) struct Unfinished(Line);

impl Line {
    pub(super) async fn try_open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(super) async fn open(port: u16) -> Self {
        Self::try_open(port).await.expect("a proxy that listens")
    }

    /// The status of a page that came whole.
    pub(super) async fn get(&mut self, path: &str) -> Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    /// Sends all of a request but the end of its body.
    pub(super) async fn begin(mut self, path: &str) -> Unfinished {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
            BODY.len(),
            &BODY[..8]
        );
        let sent = self.0.write_all(head.as_bytes()).await;
        sent.expect("a connection that takes a request");
        Unfinished(self)
    }

    async fn answer(&mut self) -> Result<u16> {
        let invalid = || Error::from(ErrorKind::InvalidData);
        let (mut status, mut length) = (None, None);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().ok();
            } else if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            } else if line.is_empty() {
                break;
            }
        }
        // Whole pages have a length: what is streamed would have to be read in another way.
        let mut body = vec![0; length.ok_or_else(invalid)?];
        self.0.read_exact(&mut body).await?;
        status.ok_or_else(invalid)
    }
}

impl Unfinished {
    /// Sends the rest; gives the status of the answer.
    pub(super) async fn finish(mut self) -> u16 {
        let sent = self.0.0.write_all(&BODY.as_bytes()[8..]).await;
        sent.expect("a connection that takes the rest of a request");
        self.0.answer().await.expect("an answer")
    }
}
