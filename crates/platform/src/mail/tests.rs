use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::jobs::testing::a_run;

fn letter() -> Letter {
    Letter {
        to: "ann@example.com".parse().unwrap(),
        subject: "Your invoice – thank you".into(),
        text: "Hello Ann\n".into(),
        html: "<p>Hello Ann</p>".into(),
        attachments: vec![Attachment {
            name: "invoice.pdf".into(),
            content_type: "application/pdf".into(),
            bytes: Bytes::from_static(b"%PDF-1.7 \xff\x00"),
        }],
    }
}

fn letterhead() -> Letterhead {
    Letterhead {
        product_name: "The Shop".into(),
        public_url: "https://shop.example".parse().unwrap(),
        sender: "hello@shop.example".parse().unwrap(),
    }
}

/// A mail server that answers `DATA`'s end with `verdict`, and what it was sent.
struct MailServer {
    mailer: Mailer,
    received: Arc<Mutex<String>>,
    connections: Arc<AtomicUsize>,
}

impl MailServer {
    async fn start(verdict: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(String::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (log, count) = (received.clone(), connections.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, verdict, log.clone()));
            }
        });
        Self {
            mailer: Mailer::smtp(&url.into(), letterhead(), Entropy::system()).unwrap(),
            received,
            connections,
        }
    }

    fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, verdict: &'static str, log: Arc<Mutex<String>>) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 ready\r\n").await.unwrap();
    let mut in_data = false;
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        log.lock().unwrap().push_str(&line);
        let reply = match line.trim_end() {
            "." => verdict,
            _ if in_data => "",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        in_data = (in_data || reply.starts_with("354")) && line != ".\r\n";
        if reply == "never" {
            std::future::pending::<()>().await;
        }
        if !reply.is_empty() {
            let reply = format!("{reply}\r\n");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        line.clear();
    }
}

#[tokio::test]
async fn a_letter_arrives_as_text_as_html_and_with_its_document() {
    let server = MailServer::start("250 taken").await;
    server.mailer.send(&a_run(), &letter()).await.unwrap();
    let mail = server.received();
    for part in [
        "MAIL FROM:<hello@shop.example>",
        "RCPT TO:<ann@example.com>",
        "From: \"The Shop\" <hello@shop.example>",
        "To: ann@example.com",
        "Subject: Your invoice =?utf-8?b?",
        "Auto-Submitted: auto-generated",
        "@shop.example>",
        "multipart/mixed",
        "multipart/alternative",
        "Hello Ann",
        "<p>Hello Ann</p>",
        "filename=\"invoice.pdf\"",
        "Content-Type: application/pdf",
        "JVBERi0xLjcg/wA=",
    ] {
        assert!(mail.contains(part), "{part}\n{mail}");
    }
}

#[tokio::test]
async fn a_line_break_in_a_header_is_refused_by_either_backend() {
    let server = MailServer::start("250 taken").await;
    let memory = Mailer::memory(letterhead(), Entropy::system());
    let injected = "Hello\r\nBcc: eve@example.com";
    let subject = Letter {
        subject: injected.into(),
        ..letter()
    };
    let mut name = letter();
    name.attachments[0].name = injected.into();
    let mut content_type = letter();
    content_type.attachments[0].content_type = injected.into();
    for letter in [subject, name, content_type] {
        for mailer in [&server.mailer, &memory] {
            let result = mailer.send(&a_run(), &letter).await;
            assert!(matches!(result, Err(MailError::InvalidLetter(_))));
        }
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    assert!(memory.outbox().is_empty());
}

#[tokio::test]
async fn a_refusal_is_final_and_a_problem_of_the_server_is_not() {
    let refusing = MailServer::start("550 no such mailbox").await;
    let error = refusing.mailer.send(&a_run(), &letter()).await.unwrap_err();
    assert!(matches!(JobError::from(error), JobError::Fail(_)));

    for verdict in ["451 try again later", "535 wrong password", "what?"] {
        let failing = MailServer::start(verdict).await;
        let error = failing.mailer.send(&a_run(), &letter()).await.unwrap_err();
        assert!(
            matches!(error, MailError::Failed(_)),
            "{verdict}: {error:?}"
        );
        assert!(matches!(JobError::from(error), JobError::Retry(_)));
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_one_deadline_and_spoils_no_later_letter() {
    let server = MailServer::start("never").await;
    let started = Instant::now();
    let result = server.mailer.send(&a_run(), &letter()).await;
    assert!(matches!(result, Err(MailError::NotNow(Refusal::Deadline))));
    assert!((DEADLINE..DEADLINE * 3 / 2).contains(&started.elapsed()));

    let letter = letter();
    let run = a_run();
    let next = server.mailer.send(&run, &letter);
    let begun = async {
        while server.connections.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = next => panic!("the server never answers"),
        () = begun => {}
    }
}

#[tokio::test]
async fn the_outbox_keeps_what_was_sent() {
    let mailer = Mailer::memory(letterhead(), Entropy::system());
    mailer.clone().send(&a_run(), &letter()).await.unwrap();
    assert_eq!(mailer.outbox(), [letter()]);
}

#[tokio::test]
async fn an_address_of_something_else_is_refused() {
    let url = SecretString::from("http://mail.example");
    assert!(Mailer::smtp(&url, letterhead(), Entropy::system()).is_err());
}

/// Text that is an address, or that misses being one by little.
fn almost_an_address() -> impl Strategy<Value = String> {
    let atoms = |shortest| {
        let atom = format!("[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]{{{shortest},20}}");
        let atom = prop::string::string_regex(&atom).unwrap();
        prop::collection::vec(atom, 1..4).prop_map(|atoms| atoms.join("."))
    };
    // An atom of no characters: a dot that leads, trails or follows another.
    let local = prop_oneof![4 => atoms(1), 2 => atoms(0), 1 => "[a-z.\"\\\\ @+]{0,66}"];
    let domain = prop_oneof![
        4 => prop::collection::vec("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", 1..5)
            .prop_map(|labels| labels.join(".")),
        1 => "[a-z0-9.:\\[\\]_-]{0,66}",
    ];
    (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}"))
}

proptest! {
    #[test]
    fn every_address_that_is_accepted_can_be_written_to(text in almost_an_address()) {
        let Ok(to) = text.parse::<EmailAddress>() else {
            return Ok(());
        };
        prop_assert!(to.as_str().parse::<lettre::message::Mailbox>().is_ok());
        let letter = Letter { to: to.clone(), ..letter() };
        let mail = message::write(&letter, &letterhead(), &Entropy::seeded(1));
        let mail = mail.map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        prop_assert_eq!(mail.envelope().to()[0].to_string(), to.as_str());
    }
}
