//! A letter, taken apart.

use chrono::{DateTime, Utc};
use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use serde::Serialize;

/// A letter as programs see it in `/inbox.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) received_at: DateTime<Utc>,
    /// Sender and recipients of the envelope: what was delivered, not what the letter claims.
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) subject: String,
    pub(crate) text: Option<String>,
    pub(crate) html: Option<String>,
    /// All headers in their order, undecoded.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) attachments: Vec<Attachment>,
    /// Bytes on the wire.
    pub(crate) size: usize,
}

#[derive(Debug, Serialize)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) size: usize,
    /// Where it can be fetched, relative to the sandbox.
    pub(crate) url: String,
    #[serde(skip)]
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    pub(super) fn parse(
        id: u64,
        received_at: DateTime<Utc>,
        from: &str,
        to: &[String],
        raw: &[u8],
    ) -> Self {
        let mut message = Self {
            id,
            received_at,
            from: from.to_owned(),
            to: to.to_vec(),
            subject: String::new(),
            text: None,
            html: None,
            headers: Vec::new(),
            attachments: Vec::new(),
            size: raw.len(),
        };
        let Some(parsed) = MessageParser::default().parse(raw) else {
            message.text = Some(String::from_utf8_lossy(raw).into_owned());
            return message;
        };
        parsed
            .subject()
            .unwrap_or_default()
            .clone_into(&mut message.subject);
        message.headers = parsed
            .headers_raw()
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        message.text = parsed.text_bodies().find_map(|part| match &part.body {
            PartType::Text(text) => Some(text.to_string()),
            _ => None,
        });
        message.html = parsed.html_bodies().find_map(|part| match &part.body {
            PartType::Html(html) => Some(html.to_string()),
            _ => None,
        });
        message.attachments = parsed
            .attachments()
            .enumerate()
            .map(|(number, part)| Attachment::new(id, number, part))
            .collect();
        message
    }
}

impl Attachment {
    fn new(message: u64, number: usize, part: &MessagePart<'_>) -> Self {
        let content_type = part.content_type().map_or_else(
            || "application/octet-stream".to_owned(),
            |kind| {
                format!(
                    "{}/{}",
                    kind.ctype(),
                    kind.subtype().unwrap_or("octet-stream")
                )
            },
        );
        Self {
            name: part
                .attachment_name()
                .map_or_else(|| format!("attachment-{number}"), str::to_owned),
            content_type,
            size: part.contents().len(),
            url: format!("/inbox/{message}/attachments/{number}"),
            bytes: part.contents().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Message {
        Message::parse(
            7,
            DateTime::UNIX_EPOCH,
            "a@shop.example",
            &["b@home.example".to_owned()],
            raw.as_bytes(),
        )
    }

    #[test]
    fn encoded_words_and_parts_are_decoded() {
        let message = parse(
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nAuto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
             --m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
             --a\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\nzw=C3=B6lf\r\n\
             --a\r\nContent-Type: text/html\r\n\r\n<p>twelve</p>\r\n--a--\r\n\
             --m\r\nContent-Type: application/pdf\r\n\
             Content-Disposition: attachment; filename=invoice.pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--m--\r\n",
        );
        assert_eq!(message.subject, "Grüße");
        assert_eq!(message.text.unwrap().trim(), "zwölf");
        assert_eq!(message.html.unwrap().trim(), "<p>twelve</p>");
        assert!(
            message
                .headers
                .contains(&("Auto-Submitted".to_owned(), "auto-generated".to_owned()))
        );
        let attachment = &message.attachments[0];
        assert_eq!(attachment.name, "invoice.pdf");
        assert_eq!(attachment.content_type, "application/pdf");
        assert_eq!(attachment.bytes, b"%PDF");
        assert_eq!(attachment.url, "/inbox/7/attachments/0");
    }

    #[test]
    fn a_letter_without_html_has_no_html() {
        let message = parse("Subject: Plain\r\n\r\nHello\r\n");
        assert_eq!(message.text.unwrap().trim(), "Hello");
        assert!(message.html.is_none() && message.attachments.is_empty());
    }

    #[test]
    fn what_is_no_letter_is_shown_as_it_came() {
        assert_eq!(parse("").text.as_deref(), Some(""));
        parse("\0\u{1}no header at all");
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_is_delivered_is_shown() {
        fuzzing::bytes("letter", |raw| {
            let message = Message::parse(7, DateTime::UNIX_EPOCH, "a@b.example", &[], raw);
            assert_eq!(message.size, raw.len());
            for attachment in &message.attachments {
                assert_eq!(attachment.size, attachment.bytes.len());
            }
            serde_json::to_string(&message).unwrap();
        });
    }
}
