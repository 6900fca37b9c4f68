use anyhow::{Context as _, ensure};
use kernel::Entropy;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as AttachedPart, Mailbox, MultiPart};

use super::{Letter, Letterhead};

/// Writes a letter as a mail (RFC 5322).
pub(super) fn write(
    letter: &Letter,
    letterhead: &Letterhead,
    entropy: &Entropy,
) -> anyhow::Result<Message> {
    let names = letter.attachments.iter().map(|attachment| &attachment.name);
    for line in names.chain([&letter.subject, &letterhead.product_name]) {
        ensure!(
            !line.chars().any(char::is_control),
            "a control character in a mail header"
        );
    }
    let sender: lettre::Address = letterhead.sender.as_str().parse().context("read sender")?;
    let recipient = letter.to.as_str().parse().context("read recipient")?;
    let message_id = format!(
        "<{}@{}>",
        hex::encode(entropy.bytes::<16>()),
        sender.domain()
    );
    // Tells auto-responders not to answer (RFC 3834).
    let auto_submitted = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .from(Mailbox::new(Some(letterhead.product_name.clone()), sender))
        .to(Mailbox::new(None, recipient))
        .subject(&letter.subject)
        .message_id(Some(message_id))
        .raw_header(HeaderValue::new(auto_submitted, "auto-generated".into()))
        .multipart(body(letter)?)
        .context("put the mail together")
}

fn body(letter: &Letter) -> anyhow::Result<MultiPart> {
    let readable = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
    if letter.attachments.is_empty() {
        return Ok(readable);
    }
    let mut mixed = MultiPart::mixed().multipart(readable);
    for attachment in &letter.attachments {
        let content_type = ContentType::parse(&attachment.content_type)
            .context("read the attachment's content type")?;
        let part = AttachedPart::new(attachment.name.clone());
        mixed = mixed.singlepart(part.body(attachment.bytes.to_vec(), content_type));
    }
    Ok(mixed)
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn whatever_is_written_in_a_letter_its_headers_are_ours() {
        let letterhead = Letterhead {
            product_name: "Shop".to_owned(),
            public_url: "https://shop.example".parse().unwrap(),
            sender: "hello@shop.example".parse().unwrap(),
        };
        fuzzing::text("letter", move |text| {
            // Recipient, subject and body, a line each.
            let mut lines = text.splitn(3, '\n');
            let mut line = || lines.next().unwrap_or_default().to_owned();
            let Ok(to) = line().parse() else { return };
            let letter = Letter {
                to,
                subject: line(),
                text: line(),
                html: String::new(),
                attachments: Vec::new(),
            };
            let Ok(mail) = write(&letter, &letterhead, &Entropy::seeded(1)) else {
                return;
            };
            let mail = String::from_utf8(mail.formatted()).unwrap();
            let (headers, _) = mail.split_once("\r\n\r\n").unwrap();
            // A line that begins with white space continues the one above.
            let names = headers
                .split("\r\n")
                .filter(|line| !line.starts_with([' ', '\t']));
            let names: Vec<_> = names
                .filter_map(|line| Some(line.split_once(':')?.0))
                .collect();
            let ours = [
                "From",
                "To",
                "Subject",
                "Message-ID",
                "Auto-Submitted",
                "MIME-Version",
                "Date",
                "Content-Type",
            ];
            assert_eq!(names, ours, "{headers}");
        });
    }
}
