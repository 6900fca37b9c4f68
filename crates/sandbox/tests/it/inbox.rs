use lettre::{
    AsyncTransport, Message,
    message::{Attachment, MultiPart, SinglePart, header::ContentType},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::world::World;

fn letter(to: &str, subject: &str) -> Message {
    let parts = MultiPart::mixed()
        .multipart(MultiPart::alternative_plain_html(
            "Hello,\n.a line with a dot\nSee http://shop.example/verify?token=abc.\n".to_owned(),
            "<html><head></head><body><h1>Hello</h1></body></html>".to_owned(),
        ))
        .singlepart(Attachment::new("invoice 7.pdf".to_owned()).body(
            b"%PDF-1.7".to_vec(),
            ContentType::parse("application/pdf").unwrap(),
        ));
    Message::builder()
        .from("Shop <shop@shop.example>".parse().unwrap())
        .to(to.parse().unwrap())
        .subject(subject)
        .multipart(parts)
        .unwrap()
}

#[tokio::test]
async fn a_letter_arrives_with_all_its_parts() {
    let world = World::start().await;
    let mailer = world.mailer();
    mailer
        .send(letter("ann@home.example", "Grüße"))
        .await
        .unwrap();
    mailer
        .send(letter("bob@home.example", "Second"))
        .await
        .unwrap();

    let all = world.json("/inbox.json").await;
    assert_eq!(all[0]["subject"], "Second");
    assert_eq!(all[1]["subject"], "Grüße");
    let found = world.json("/inbox.json?to=Ann@home.example").await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    let mail = &found[0];
    assert_eq!(mail["from"], "shop@shop.example");
    assert_eq!(mail["to"], json!(["ann@home.example"]));
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("\n.a line with a dot"), "{text:?}");

    let attachment = &mail["attachments"][0];
    assert_eq!(attachment["name"], "invoice 7.pdf");
    let file = world.get(attachment["url"].as_str().unwrap()).await;
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert_eq!(
        file.headers()["content-disposition"],
        "attachment; filename=\"invoice 7.pdf\""
    );
    assert_eq!(file.bytes().await.unwrap(), "%PDF-1.7");
}

#[tokio::test]
async fn the_pages_show_the_letter_without_trusting_it() {
    let world = World::start().await;
    let mailer = world.mailer();
    mailer
        .send(letter("ann@home.example", "<b>Bold</b>"))
        .await
        .unwrap();
    let list = world.get("/inbox?to=ann@home.example").await;
    let list = list.text().await.unwrap();
    assert!(list.contains("Bold") && !list.contains("<b>Bold"));
    let other = world.get("/inbox?to=other@home.example").await;
    assert!(other.text().await.unwrap().contains("No mail for"));

    let mail = world.json("/inbox.json").await[0]["id"].to_string();
    let page = world
        .get(&format!("/inbox/{mail}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("<a href=\"http://shop.example/verify?token=abc\""));
    assert!(page.contains("sandbox=\"allow-popups"));
    let html = world.get(&format!("/inbox/{mail}/html")).await;
    let policy = html.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox") && !policy.contains("script"));
    assert!(html.text().await.unwrap().contains("<h1>Hello</h1>"));

    let cleared = world
        .request(Method::DELETE, "/inbox")
        .send()
        .await
        .unwrap();
    assert_eq!(cleared.status(), 200);
    assert_eq!(world.json("/inbox.json").await, json!([]));
    assert_eq!(world.get(&format!("/inbox/{mail}")).await.status(), 404);
}

/// A conversation, line by line.
struct Wire(BufReader<TcpStream>);

impl Wire {
    async fn connect(world: &World) -> Self {
        let socket = TcpStream::connect(world.sandbox.smtp_addr).await.unwrap();
        let mut wire = Self(BufReader::new(socket));
        assert_eq!(wire.reply().await, "220");
        wire
    }

    async fn send(&mut self, bytes: &str) {
        self.0.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// The code of the next reply, its lines read to the last.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) == Some(&b' ') {
                return line[..3].to_owned();
            }
        }
    }

    async fn says(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.reply().await
    }
}

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let world = World::start().await;
    let mut wire = Wire::connect(&world).await;
    for (command, code) in [
        ("EHLO me", "250"),
        ("RCPT TO:<a@b.example>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:<>", "250"),
        ("MAIL FROM:<x@y.example>", "503"),
        ("DATA", "503"),
        ("RSET", "250"),
        ("RCPT TO:<a@b.example>", "503"),
        ("MAIL FROM:<x@y.example> SIZE=99999999", "552"),
        ("MAIL FROM:x", "501"),
        ("STARTTLS", "502"),
        ("NOOP", "250"),
        ("DANCE", "500"),
        ("HELO me", "250"),
        ("QUIT", "221"),
    ] {
        assert_eq!(wire.says(command).await, code, "{command}");
    }
    assert_eq!(
        wire.0.read_u8().await.unwrap_err().kind(),
        std::io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn a_whole_conversation_may_come_in_one_piece() {
    let world = World::start().await;
    let mut wire = Wire::connect(&world).await;
    wire.send(
        "EHLO me\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<c@b.example>\r\n\
         DATA\r\nSubject: One\r\n\r\n..\r\n.\r\n\
         MAIL FROM:<x@y.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n.\r\nQUIT\r\n",
    )
    .await;
    let mut codes = Vec::new();
    for _ in 0..11 {
        codes.push(wire.reply().await);
    }
    let expected = "250 250 250 250 354 250 250 250 354 250 221";
    assert_eq!(codes.join(" "), expected);
    let mails = world.json("/inbox.json").await;
    assert_eq!(mails[1]["subject"], "One");
    assert_eq!(mails[1]["to"], json!(["a@b.example", "c@b.example"]));
    assert_eq!(mails[1]["text"], ".\r\n");
    assert_eq!(mails[0]["subject"], "");
}

#[tokio::test]
async fn a_failing_server_refuses_the_sender_and_a_letter_under_way() {
    let world = World::start().await;
    let failing = json!({ "mode": "failing", "delay_ms": 0 });
    let mut wire = Wire::connect(&world).await;
    wire.says("MAIL FROM:<x@y.example>").await;
    wire.says("RCPT TO:<a@b.example>").await;
    assert_eq!(wire.says("DATA").await, "354");
    world.behave("smtp", failing).await;
    assert_eq!(wire.says("Subject: One\r\n\r\nHello\r\n.").await, "451");
    assert_eq!(wire.says("MAIL FROM:<x@y.example>").await, "451");
    assert_eq!(world.json("/inbox.json").await, json!([]));
}

#[tokio::test]
async fn endless_lines_end_the_connection() {
    let world = World::start().await;
    let mut wire = Wire::connect(&world).await;
    wire.send(&"x".repeat(20_000)).await;
    assert_eq!(wire.reply().await, "500");
}

#[tokio::test]
async fn a_single_part_letter_is_read_too() {
    let world = World::start().await;
    let letter = Message::builder()
        .from("shop@shop.example".parse().unwrap())
        .to("ann@home.example".parse().unwrap())
        .subject("Short")
        .singlepart(SinglePart::plain("Zwölf".to_owned()))
        .unwrap();
    world.mailer().send(letter).await.unwrap();
    let mails = world.json("/inbox.json").await;
    assert_eq!(mails[0]["text"].as_str().unwrap().trim(), "Zwölf");
    assert_eq!(mails[0]["html"], Value::Null);
}
